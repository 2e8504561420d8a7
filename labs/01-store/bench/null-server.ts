// A server that does nothing: it answers every request with the same bytes. What it reaches is what the client can do at most.
import { createServer, type Socket } from 'node:net';
import { framedMessage } from './grpc-client.ts';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FRAME,
  FrameReader,
  frame,
  literalHeaders,
  openingFrames,
  PREFACE,
} from './http2-frames.ts';

const HEADERS = frame(
  FRAME.headers,
  END_HEADERS,
  0,
  literalHeaders({ ':status': '200', 'content-type': 'application/grpc' }),
);
const DATA = frame(FRAME.data, 0, 0, framedMessage(Buffer.alloc(20)));
const TRAILERS = frame(
  FRAME.headers,
  END_HEADERS | END_STREAM,
  0,
  literalHeaders({ 'grpc-status': '0' }),
);

function serve(socket: Socket): void {
  const reader = new FrameReader();
  let toSkip = PREFACE.length;
  let out: Buffer[] = [];
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  socket.write(openingFrames());
  socket.on('data', (chunk: Buffer) => {
    const skipped = Math.min(toSkip, chunk.length);
    toSkip -= skipped;
    reader.read(chunk.subarray(skipped), ({ type, flags, stream }) => {
      if (type === FRAME.settings && !(flags & ACK)) {
        out.push(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
      }
      if (type === FRAME.data && flags & END_STREAM) {
        for (const part of [HEADERS, DATA, TRAILERS]) {
          const bytes = Buffer.from(part);
          bytes.writeUInt32BE(stream, 5);
          out.push(bytes);
        }
      }
    });
    if (out.length > 0) socket.write(Buffer.concat(out));
    out = [];
  });
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address !== 'string') process.send?.({ port: address.port });
});
process.on('disconnect', () => process.exit());
