import config from './jest.config.js';
import { unitSpecs } from './spec/unit.mjs';

const { globalSetup: _redis, globalTeardown: _processes, ...rest } = config;

/** `npm run spec:unit`: without Redis, a build, or anything to tidy up. */
export default { ...rest, testMatch: unitSpecs() };
