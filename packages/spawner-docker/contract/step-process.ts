/** The program of a container. */
import { contractWork } from '@shoal/supervisor/testing';
import { runSpawned } from '@shoal/workflow';

await runSpawned({ keepAliveSeconds: 1, blueprints: [contractWork] });
