/** Runs until told to stop. `dev` starts it again at each change: a request that comes meanwhile is sent again by its sender. */
import { start } from './device.ts';

const running = await start(process.env['SHOAL_BROKER_URL'] ?? 'mqtt://127.0.0.1:1883');
process.stdout.write('__name__ is online\n');

let stopping: Promise<void> | undefined;
const stop = (): void => {
  stopping ??= running.stop().then(() => process.exit(0));
};
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
