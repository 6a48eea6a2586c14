import { request as overHttp } from 'node:http';
import { request as overTls } from 'node:https';

/** The container's health check: ends with 0 if the node of this container answers `/health`. */
const { PORT = '4000', TLS_CERT } = process.env;
const options = { host: '127.0.0.1', port: PORT, path: '/health', timeout: 2_500 };
const request = TLS_CERT ? overTls({ ...options, rejectUnauthorized: false }) : overHttp(options);

request.once('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1));
request.once('timeout', () => process.exit(1));
request.once('error', () => process.exit(1));
request.end();
