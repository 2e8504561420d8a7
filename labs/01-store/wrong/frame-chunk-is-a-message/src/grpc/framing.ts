// Framing: gRPC's messages in a stream of bytes, each with its length in front.
//
//   ┌────────────┬─────────────────────┬─────────┐
//   │ compressed │ length (big endian) │ message │     1 + 4 + length bytes
//   └────────────┴─────────────────────┴─────────┘
// A stream is cut into chunks wherever the network likes: a chunk may end inside a length, or hold twenty messages.
// Rules of use: push() returns the messages that are now whole, in order, as views of the chunks; isBetweenMessages
// says whether the stream may end here. After it threw, a reader is of no use.
// Upstream: gRPC over HTTP2, "Length-Prefixed-Message"; google.golang.org/grpc, rpc_util.go.
// Left out: compression. The flag is answered with an error, as by every server that has no codec for it.
import { GrpcError } from './status.ts';

/** The flag and the length. */
export const FRAME_HEADER_BYTES = 5;

/** Fills in the header of a frame whose message already stands behind the room for it. */
export function sealFrame(frame: Buffer): Buffer {
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(frame.length - FRAME_HEADER_BYTES, 1);
  return frame;
}

export class MessageReader {
  readonly #messageBytesMax: number;
  readonly #encoding: string;

  /** `encoding`: how the sender says that compressed messages are compressed. */
  constructor(messageBytesMax: number, encoding = 'identity') {
    this.#messageBytesMax = messageBytesMax;
    this.#encoding = encoding;
  }

  get isBetweenMessages(): boolean {
    return true;
  }

  push(chunk: Buffer): readonly Buffer[] {
    const messages: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) {
      const end = at + this.#frameBytesAt(chunk, at);
      messages.push(chunk.subarray(at + FRAME_HEADER_BYTES, end));
      at = end;
    }
    return messages;
  }

  /** The whole size of the frame that starts here, or of a header as long as that is all one can ask for. */
  #frameBytesAt(bytes: Buffer, at: number): number {
    if (bytes.length - at < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
    const length = bytes.readUInt32BE(at + 1);
    if (length > this.#messageBytesMax) {
      const text = `grpc: received message larger than max (${length} vs. ${this.#messageBytesMax})`;
      throw new GrpcError('RESOURCE_EXHAUSTED', text);
    }
    const flag = bytes.readUInt8(at);
    if (flag !== 0) throw badFlag(flag, this.#encoding);
    return FRAME_HEADER_BYTES + length;
  }
}

function badFlag(flag: number, encoding: string): GrpcError {
  if (flag !== 1) {
    return new GrpcError('INTERNAL', `grpc: received unexpected payload format ${flag}`);
  }
  return encoding === 'identity'
    ? new GrpcError('INTERNAL', 'grpc: compressed flag set with identity or empty encoding')
    : new GrpcError(
        'UNIMPLEMENTED',
        `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`,
      );
}
