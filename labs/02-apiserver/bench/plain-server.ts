// A Node HTTPS server that does nothing but send bytes: what it reaches is the most that a server in Node can.
//
//   plain-server.ts CERT-FILE KEY-FILE CA-FILE FILE…    answers /N with the bytes of the Nth FILE; says its port to its parent
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [certFile = '', keyFile = '', caFile = '', ...files] = process.argv.slice(2);
const bodies = new Map(files.map((file, index) => [`/${index}`, readFileSync(file)]));
const server = createServer(
  {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    ca: readFileSync(caFile),
    requestCert: true,
    rejectUnauthorized: true,
  },
  (request, response) => {
    const body = bodies.get(request.url ?? '') ?? Buffer.from('{}');
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  },
);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address !== 'string') process.send?.({ port: address.port });
});
process.on('disconnect', () => process.exit());
