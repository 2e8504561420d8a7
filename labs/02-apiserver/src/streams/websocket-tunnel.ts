// websocket-tunnel: a WebSocket whose binary messages are pieces of one byte stream; where one ends and the next begins means nothing.
//
// kubectl sends its port-forward that way since 1.31: SPDY as before, but through every proxy that lets WebSockets pass. The name of the
// subprotocol has a slash in it, which the grammar of that header does not allow and every Kubernetes client sends; so it is taken out of
// the request before the WebSocket library sees it, and put into the answer by hand.
//
// Same idea upstream: apiserver, util/proxy/streamtunnel.go, and client-go, tools/portforward/tunneling_connection.go.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { badRequest } from '../api-error.ts';

const MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** Answers the handshake with this subprotocol; the stream ends and breaks with the connection. */
export function acceptTunnel(
  request: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
  protocol: string,
): Promise<Duplex> {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
  });
  server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  delete request.headers['sec-websocket-protocol'];
  return new Promise((resolve, reject) => {
    server.once('wsClientError', (error) => reject(badRequest(error.message)));
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = createWebSocketStream(webSocket);
      stream.on('error', () => stream.destroy());
      resolve(stream);
    });
  });
}
