import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { childOptions, endWithParent, tell } from './child-io.ts';

/** Sends back what it gets, and counts it; the line `count` asks for the number (datagrams, or TCP connections). */
const { port, proto, family } = childOptions<{ port: number; proto: 'udp' | 'tcp'; family: 4 | 6 }>();
const host = family === 6 ? '::' : '0.0.0.0';
let received = 0;

function serveUdp(): void {
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', ipv6Only: family === 6 });
  socket.on('message', (message, peer) => {
    received++;
    socket.send(message, peer.port, peer.address, () => {}); // an answer that is dropped on its way out is no error here
  });
  socket.bind(port, host, () => tell({ type: 'ready', port: socket.address().port }));
}

function serveTcp(): void {
  const server = createServer((socket) => {
    received++;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen({ port, host, ipv6Only: family === 6 }, () => {
    const address = server.address();
    tell({ type: 'ready', port: address && typeof address === 'object' ? address.port : port });
  });
}

endWithParent((line) => line === 'count' && tell({ type: 'count', received }));
if (proto === 'udp') serveUdp();
else serveTcp();
