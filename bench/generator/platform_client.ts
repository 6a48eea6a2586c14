import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { Subject } from '../scenario.ts';

export interface RegisteredAgent {
  readonly id: string;
  readonly apiKey: string;
  readonly privateKey: KeyObject;
}

/** Bytes before the key in the DER form of a public key of Ed25519. */
const DER_HEADER_BYTES = 12;

export function newKeys(): { readonly publicKey: string; readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const der = publicKey.export({ format: 'der', type: 'spki' });
  return { publicKey: der.subarray(DER_HEADER_BYTES).toString('base64'), privateKey };
}

/** Calls the HTTP API, over connections that stay open. */
export class PlatformClient {
  readonly port: number;
  readonly networkId: string;
  readonly #adminToken: string;
  readonly #connections: Agent;

  constructor({ nodes: [node], adminToken, networkId }: Subject, connections = 32) {
    if (!node || adminToken === undefined || networkId === undefined) throw new Error('this is no platform');
    this.port = node.port;
    this.networkId = networkId;
    this.#adminToken = adminToken;
    this.#connections = new Agent({ keepAlive: true, maxSockets: connections });
  }

  get adminToken(): string {
    return this.#adminToken;
  }

  /** @throws Error with the answer, unless it is 2xx */
  post<Body>(path: string, body: object, credential = this.#adminToken): Promise<Body> {
    const text = JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${credential}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    };
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, path, method: 'POST', agent: this.#connections, headers };
      const sent = request(options, (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (data) => {
          answer += data;
        });
        response.on('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode < 300) resolve(JSON.parse(answer));
          else reject(new Error(`${path}: ${statusCode} ${answer}`));
        });
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }

  /** @param keys left out: new ones */
  async register(fields: object = {}, keys = newKeys()): Promise<RegisteredAgent> {
    const body = { name: 'agent', public_key: keys.publicKey, ...fields };
    const { agent, api_key } = await this.post<{ agent: { id: string }; api_key: string }>('/api/agents', body);
    return { id: agent.id, apiKey: api_key, privateKey: keys.privateKey };
  }
}
