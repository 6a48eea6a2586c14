import { bundledTypebox } from './spec/support/bundled_typebox.mjs';

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/spec'],
  testMatch: ['**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
  moduleNameMapper: bundledTypebox,
  globalSetup: '<rootDir>/spec/support/global_setup.ts',
  globalTeardown: '<rootDir>/spec/support/global_teardown.ts',
  setupFiles: ['<rootDir>/spec/support/worker.ts'],
  testSequencer: '<rootDir>/spec/support/sequencer.mjs',
  // Else each use of it in a CommonJS module is a call out of the sandbox, and what tweetnacl signs takes ten times as long.
  sandboxInjectedGlobals: ['Math'],
  testTimeout: 60_000,
  // More than the cores of a small machine: much of what specs do is wait, for leases, failovers and processes.
  maxWorkers: 6,
  // Cases of one file beside each other, where it says `it.concurrent`.
  maxConcurrency: 2,
};
