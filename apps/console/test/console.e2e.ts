import { afterAll, beforeAll, describe } from 'vitest';
import { chromiumPath } from './browser.ts';
import { crowdTests } from './crowd-tests.ts';
import { fleetTests } from './fleet-tests.ts';
import { startMosquittoBroker } from './mosquitto-broker.ts';
import { mosquittoPath } from '@shoal/mqtt-link/testing';
import { pageTests } from './page-tests.ts';
import { operationsTests } from './operations-tests.ts';
import { ownershipTests, requestTests } from './request-tests.ts';
import { sessionTests } from './session-tests.ts';
import { embeddedBroker, type StageBroker } from './stage.ts';
import { openTheatre, type Theatre } from './theatre.ts';

if (chromiumPath === undefined)
  console.warn('The browser tests are skipped: no Chromium. Set CHROMIUM_PATH.');

describe.skipIf(chromiumPath === undefined)('the console on the embedded broker', () => {
  const theatre = theatreOn(embeddedBroker);
  sessionTests(theatre);
  operationsTests(theatre);
  requestTests(theatre);
  ownershipTests(theatre);
  pageTests(theatre);
  fleetTests(theatre);
});

describe.skipIf(chromiumPath === undefined || mosquittoPath() === undefined)(
  'the console on Mosquitto',
  () => {
    const theatre = theatreOn(startMosquittoBroker);
    sessionTests(theatre);
    requestTests(theatre);
    fleetTests(theatre);
    crowdTests(theatre);
  },
);

function theatreOn(start: () => Promise<StageBroker>): () => Theatre {
  let theatre: Theatre | undefined;
  beforeAll(async () => {
    theatre = await openTheatre(await start());
  });
  afterAll(() => theatre?.close());
  return () => theatre!;
}
