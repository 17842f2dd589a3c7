import { mosquittoPath, startMosquitto } from '../src/testing/index.ts';
import { linkContract } from './link-contract.ts';

linkContract('mosquitto', () => startMosquitto(), {
  missing: mosquittoPath() === undefined ? 'mosquitto is not installed' : undefined,
  skip: {
    'a takeover fences the link for good':
      'Mosquitto 2.0.11 closes the old connection without DISCONNECT 0x8e',
  },
});
