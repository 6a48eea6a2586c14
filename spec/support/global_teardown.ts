import { removeRunFolder } from './run_folder.ts';

export default async function teardown() {
  await globalThis.aerieSpecRedis?.stop();
  await removeRunFolder();
}
