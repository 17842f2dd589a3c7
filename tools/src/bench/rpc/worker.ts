import { createBroker } from '@shoal/broker';
import { serve } from '../serve.ts';
import { adapterRequester, adapterResponder, httpRequester, httpResponder } from './a2a-js-side.ts';
import { linkRequester, linkResponder } from './link-side.ts';
import { rawRequester, rawResponder } from './raw-side.ts';
import { sdkRequester, sdkResponder } from './sdk-side.ts';
import { measurements, type SideParameters } from './side.ts';

/** Each role runs in a process of its own. */
async function start(role: string, parameters: SideParameters): Promise<void> {
  switch (role) {
    case 'broker': {
      const { tcp } = await createBroker({
        allowAnonymous: true,
        listen: { tcp: {}, ws: false },
        store: 'memory',
      }).start();
      return serve({ ready: { url: tcp!.url } });
    }
    case 'raw-responder':
      await rawResponder(parameters);
      return serve({});
    case 'link-responder':
      await linkResponder(parameters);
      return serve({});
    case 'sdk-responder':
      await sdkResponder(parameters.url);
      return serve({});
    case 'raw-requester':
      return serve({ commands: measurements(await rawRequester(parameters)) });
    case 'link-requester':
      return serve({ commands: measurements(await linkRequester(parameters)) });
    case 'sdk-requester':
      return serve({ commands: measurements(await sdkRequester(parameters.url)) });
    case 'http-responder':
      return serve({ ready: { url: await httpResponder() } });
    case 'http-requester':
      return serve({ commands: measurements(await httpRequester(parameters.url)) });
    case 'adapter-responder':
      await adapterResponder(parameters.url);
      return serve({});
    case 'adapter-requester':
      return serve({ commands: measurements(await adapterRequester(parameters.url)) });
    default:
      throw new Error(`no role ${role}`);
  }
}

const [, , role = '', parameters = '{}'] = process.argv;
await start(role, JSON.parse(parameters) as SideParameters);
