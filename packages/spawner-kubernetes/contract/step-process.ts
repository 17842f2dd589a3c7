/** The program of a Pod. */
import { contractWork } from '@shoal/supervisor/testing';
import { runSpawned } from '@shoal/workflow';

await runSpawned({ keepAliveSeconds: 1, blueprints: [contractWork] });
