// Socket.IO 4 with rooms, as its documentation has it: on its default engine, or on uWebSockets.js (`attachApp`); several
// nodes with its Redis adapter. The first request is let go, as the page on memory advises.

import { App } from 'uWebSockets.js';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const { PORT = '4103', ENGINE = 'ws', REDIS_URL } = process.env;
const io = new Server({ serveClient: false });

if (REDIS_URL !== undefined) {
  const { createAdapter } = await import('@socket.io/redis-adapter');
  const publisher = new Redis(REDIS_URL);
  io.adapter(createAdapter(publisher, publisher.duplicate()));
}

io.on('connection', (socket) => {
  socket.on('join', async (room, done) => {
    await socket.join(room);
    done('ok');
  });
  socket.on('shout', (room, payload) => {
    io.to(room).emit('shout', payload);
  });
  socket.on('echo', (payload, done) => done(payload));
});

if (ENGINE === 'uws') {
  const app = App();
  io.attachApp(app);
  app.listen('127.0.0.1', Number(PORT), (listening) => {
    if (!listening) process.exit(1);
  });
} else {
  const http = createServer();
  io.attach(http);
  io.engine.on('connection', (connection) => {
    connection.request = null;
  });
  http.listen(Number(PORT), '127.0.0.1');
}
