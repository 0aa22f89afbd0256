/** Plays chunks of sound one behind the other, a little behind the time, so that a late one makes no hole. */

/** A player. */
export interface AudioPlayer {
  /** Adds a chunk. @param rate samples a second */
  play(channels: readonly Float32Array<ArrayBuffer>[], rate: number): void;
  /** From 0 to 1. */
  setVolume(volume: number): void;
  stop(): void;
}

/** What is kept ahead, in seconds, and how far behind the sound may fall before it begins anew. */
const AHEAD = 0.15;
const MOST_BEHIND = 1;

/** Makes one. A browser lets a page make sound only once somebody has pressed something on it. */
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
      // What came all at once, as after a pause, would be heard for as long as it lasts, and all after it so much later.
      if (endsAt > now + MOST_BEHIND) return;
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
