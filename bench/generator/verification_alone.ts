import { generateKeyPairSync, sign, verify } from 'node:crypto';
import sodium from 'sodium-native';

const DER_HEADER_BYTES = 12;
const BATCH = 64;
const WARM_UP_BATCHES = 20;

/** Pairs of signatures that a CPU second verifies, with nothing around it: the bound of transfers signed by both. */
export function pairsPerCpuSecond(seconds: number): { readonly libsodium: number; readonly nodeCrypto: number } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(DER_HEADER_BYTES);
  const text = Buffer.from(
    `aerie.v1:bench\npayment.state\n${'c'.repeat(36)}\n1\n${'a'.repeat(36)}\n${'b'.repeat(36)}\n1\n2\n3`,
  );
  const signature = sign(null, text, privateKey);
  const rate = (isGood: () => boolean): number => {
    const batch = () => {
      for (let i = 0; i < BATCH; i++) if (!isGood()) throw new Error('a good signature was refused');
    };
    for (let i = 0; i < WARM_UP_BATCHES; i++) batch();
    const before = process.cpuUsage();
    const end = performance.now() + seconds * 1_000;
    let done = 0;
    for (; performance.now() < end; done += BATCH) batch();
    const { user, system } = process.cpuUsage(before);
    return done / 2 / ((user + system) / 1e6);
  };
  return {
    libsodium: rate(() => sodium.crypto_sign_verify_detached(signature, text, raw)),
    nodeCrypto: rate(() => verify(null, text, publicKey, signature)),
  };
}
