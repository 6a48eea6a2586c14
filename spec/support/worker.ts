import { endWithRun } from './running.ts';

// For each file of specs: what runs it would go on, and start more, when the run is gone.
endWithRun(process.pid);
