/** Violations of the WebSocket protocol by a client. */

/** Close codes for a client that violates the protocol (RFC 6455, section 7.4.1). */
export const PROTOCOL_CLOSE = { violation: 1002, notUtf8: 1007, tooLarge: 1009 } as const;

/** Protocol violation by a client. The connection must be closed. */
export class ProtocolError extends Error {
  /** Close code (RFC 6455, section 7.4.1). */
  readonly closeCode: number;
  constructor(closeCode: number, message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}

/** Creates the error of a frame that is not valid. */
export const violation = (problem: string): ProtocolError =>
  new ProtocolError(PROTOCOL_CLOSE.violation, `PROTOCOL_ERROR: ${problem}`);
