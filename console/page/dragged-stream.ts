/** Drag and drop of a stream from the list. */

/** Type of the dragged data: other drops, such as of files, are not accepted. */
const TYPE = "application/x-redis-streamer-key";

/** Makes a stream the dragged data. */
export function dragStream(event: DragEvent, key: string): void {
  event.dataTransfer?.setData(TYPE, key);
  event.dataTransfer?.setData("text/plain", key);
}

/** Whether a stream is dragged. Its key is known when it is dropped. */
export const isStreamDragged = (event: DragEvent): boolean =>
  event.dataTransfer?.types.includes(TYPE) === true;

/** Returns the key of a dropped stream; undefined for another drop. */
export const droppedStream = (event: DragEvent): string | undefined =>
  event.dataTransfer?.getData(TYPE) || undefined;
