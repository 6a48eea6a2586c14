import config from './jest.config.js';
import { unitSpecs } from './spec/unit.mjs';

/** `npm run spec:unit`: without Redis or a build. */
export default { ...config, globalSetup: '<rootDir>/spec/support/run_folder.ts', testMatch: unitSpecs() };
