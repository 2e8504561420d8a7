// DockerStream: the Docker Engine's multiplexed output (logs, exec, attach) taken apart again.
//
// Without a terminal the engine frames output: one byte stream number (1 stdout, 2 stderr), three
// zero bytes, four bytes length (big endian), then the payload. Frames are cut anywhere on the way.
//
// Same idea upstream: docker, pkg/stdcopy.

const HEADER_BYTES = 8;

export interface OutputFrame {
  readonly stream: 'stdout' | 'stderr';
  readonly payload: Buffer;
  /** The frame ends with it. */
  readonly isComplete: boolean;
}

/** Takes pieces as they arrive; gives back what is complete. A payload may come in several frames. */
export class FrameDecoder {
  #header = Buffer.alloc(0);
  #stream: OutputFrame['stream'] = 'stdout';
  #payloadLeftBytes = 0;

  push(chunk: Buffer): OutputFrame[] {
    const frames: OutputFrame[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#payloadLeftBytes === 0) {
        rest = this.#takeHeader(rest);
      } else {
        const payload = rest.subarray(0, this.#payloadLeftBytes);
        this.#payloadLeftBytes -= payload.length;
        rest = rest.subarray(payload.length);
        frames.push({ stream: this.#stream, payload, isComplete: this.#payloadLeftBytes === 0 });
      }
    }
    return frames;
  }

  #takeHeader(chunk: Buffer): Buffer {
    const missingBytes = HEADER_BYTES - this.#header.length;
    this.#header = Buffer.concat([this.#header, chunk.subarray(0, missingBytes)]);
    if (this.#header.length === HEADER_BYTES) {
      this.#stream = this.#header[0] === 2 ? 'stderr' : 'stdout';
      this.#payloadLeftBytes = this.#header.readUInt32BE(4);
      this.#header = Buffer.alloc(0);
    }
    return chunk.subarray(missingBytes);
  }
}
