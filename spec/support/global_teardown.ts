export default async function teardown() {
  await globalThis.aerieSpecRedis?.stop();
}
