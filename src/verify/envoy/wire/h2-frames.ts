/** Types and flags of RFC 9113, those used here. */
export const FrameType = {
  Data: 0,
  Headers: 1,
  Priority: 2,
  RstStream: 3,
  Settings: 4,
  PushPromise: 5,
  Ping: 6,
  GoAway: 7,
  WindowUpdate: 8,
  Continuation: 9,
  /** Envoy's extension: a header block about a stream, at any time. */
  Metadata: 0x4d,
} as const;

export const Flag = { EndStream: 1, Ack: 1, EndHeaders: 4, Padded: 8, Priority: 32 } as const;

export const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function formatFrame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const formatU32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** The head of a frame: the length of its payload and the rest. */
export function parseFrameHead(head: Buffer): { length: number; type: number; flags: number; stream: number } {
  return {
    length: head.readUIntBE(0, 3),
    type: head.readUInt8(3),
    flags: head.readUInt8(4),
    stream: head.readUInt32BE(5) & 0x7fffffff,
  };
}

/** The payload of DATA and HEADERS without padding and priority. */
export function unpadded({ flags, payload, type }: Frame): Buffer {
  const padding = flags & Flag.Padded ? payload.readUInt8(0) : 0;
  const from = (flags & Flag.Padded ? 1 : 0) + (type === FrameType.Headers && flags & Flag.Priority ? 5 : 0);
  return payload.subarray(from, payload.length - padding);
}
