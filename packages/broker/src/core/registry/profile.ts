/** Versions of EMQX whose registry differs in what can be seen. */
export const EMQX_VERSIONS = ['6.2.0', '6.2.1', '6.2.2', 'head'] as const;
export type EmqxVersion = (typeof EMQX_VERSIONS)[number];

export interface RegistryProfile {
  readonly name: 'shoal' | 'emqx';
  /** Rejections are not told: the publisher sees 0x10, as for an accepted card without a subscriber. */
  readonly silent: boolean;
  /** Value of `a2a-status-source`; undefined: the broker does not send the property. */
  readonly source: string | undefined;
  /** The publisher's own `a2a-status…` properties are delivered behind the broker's. */
  readonly keepsPublisherStatus: boolean;
  /** `{namespace}/$a2a/v1/discovery/…` is a registry topic too. */
  readonly knowsNamespaces: boolean;
  /** An agent that says goodbye stays offline while its connection lasts. */
  readonly honoursGoodbye: boolean;
  /** `pool` cannot be the id of an agent. */
  readonly reservesPool: boolean;
  /** Cards may carry one newline at the end of each id, since PCRE's `$` matches before it. */
  readonly identifier: RegExp;
  /** A will without delay is delivered before the broker counts its client as gone. */
  readonly willBeforeGone: boolean;
  /** Cards written by the management API go to live subscribers too, as cards that were published. */
  readonly managedWritesAreRouted: boolean;
  /** What the management API calls the cards outside of any namespace; undefined: it has no such field. */
  readonly globalNamespace: string | null | undefined;
  /** HTTP status when the retained store is switched off. */
  readonly retainerOffStatus: 404 | 500;
  /** Query parameters of the management API beyond EMQX's. */
  readonly searches: boolean;
  /**
   * How many retained messages a subscription gets before others of the client have their turn, and what is published meanwhile;
   * undefined: all of them at the SUBSCRIBE.
   */
  readonly retainedPerTurn: number | undefined;
}

const shoal: RegistryProfile = {
  name: 'shoal',
  silent: false,
  source: 'broker',
  keepsPublisherStatus: false,
  knowsNamespaces: true,
  honoursGoodbye: true,
  reservesPool: true,
  identifier: /^[A-Za-z0-9._-]+$/,
  willBeforeGone: false,
  managedWritesAreRouted: true,
  globalNamespace: null,
  retainerOffStatus: 404,
  searches: true,
  retainedPerTurn: undefined,
};

const emqx622: RegistryProfile = {
  name: 'emqx',
  silent: true,
  source: 'emqx',
  keepsPublisherStatus: false,
  knowsNamespaces: true,
  honoursGoodbye: false,
  reservesPool: false,
  identifier: /^[A-Za-z0-9._-]+\n?$/,
  willBeforeGone: true,
  managedWritesAreRouted: false,
  globalNamespace: 'global',
  retainerOffStatus: 404,
  searches: false,
  retainedPerTurn: 1_000,
};

const emqx: Readonly<Record<EmqxVersion, RegistryProfile>> = {
  '6.2.0': {
    ...emqx622,
    source: undefined,
    keepsPublisherStatus: true,
    knowsNamespaces: false,
    globalNamespace: undefined,
    retainerOffStatus: 500,
  },
  '6.2.1': { ...emqx622, retainerOffStatus: 500 },
  '6.2.2': emqx622,
  head: { ...emqx622, globalNamespace: null },
};

export const profileOf = (name: 'shoal' | 'emqx', version: EmqxVersion = '6.2.2'): RegistryProfile =>
  name === 'shoal' ? shoal : emqx[version];
