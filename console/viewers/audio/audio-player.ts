/** Plays audio chunks one after the other. A short delay covers chunks that arrive late. */

/** Player of audio chunks. */
export interface AudioPlayer {
  /** Adds a chunk. @param rate samples a second */
  play(channels: readonly Float32Array<ArrayBuffer>[], rate: number): void;
  /** From 0 to 1. */
  setVolume(volume: number): void;
  stop(): void;
}

/** Delay of the first chunk, and the largest backlog, seconds. Chunks beyond the backlog are dropped. */
const AHEAD = 0.15;
const MAX_BEHIND = 1;

/** Creates a player. Browsers permit audio only after a user has interacted with the page. */
export function createAudioPlayer(): AudioPlayer {
  const context = new AudioContext();
  const gain = context.createGain();
  gain.connect(context.destination);
  let endsAt = 0;
  return {
    play(channels, rate) {
      const frames = channels[0]?.length ?? 0;
      if (frames === 0) return;
      const buffer = context.createBuffer(channels.length, frames, rate);
      channels.forEach((samples, i) => {
        buffer.copyToChannel(samples, i);
      });
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.connect(gain);
      const now = context.currentTime;
      // A burst, for example after a pause, would delay all later chunks, so it is dropped.
      if (endsAt > now + MAX_BEHIND) return;
      const startsAt = endsAt < now ? now + AHEAD : endsAt;
      source.start(startsAt);
      endsAt = startsAt + buffer.duration;
    },
    setVolume(volume) {
      gain.gain.value = volume;
    },
    stop: () => void context.close(),
  };
}
