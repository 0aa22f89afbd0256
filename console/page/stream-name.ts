/** A stream and its device. */
export interface StreamName {
  readonly stream: string;
  readonly device: string | undefined;
}
