import type { Session, Subscription } from './session.ts';

export interface ShareGroup {
  readonly key: string;
  readonly members: Subscription[];
  next: number;
}

interface Node {
  children: Map<string, Node> | undefined;
  subscriptions: Map<Session, Subscription> | undefined;
  groups: Map<string, ShareGroup> | undefined;
}

export interface Matches {
  readonly subscriptions: readonly Subscription[];
  /** No session has two of them. */
  readonly distinct: boolean;
  readonly groups: readonly ShareGroup[];
}

const MAX_CACHED_TOPICS = 4096;
const MAX_CACHED_TOPIC_LENGTH = 256;

const createNode = (): Node => ({ children: undefined, subscriptions: undefined, groups: undefined });

const isEmpty = (node: Node): boolean =>
  node.children === undefined && node.subscriptions === undefined && node.groups === undefined;

/** Subscriptions by topic filter. Answers are remembered per topic until a subscription changes. */
export class SubscriptionTree {
  private readonly root = createNode();
  private readonly cache = new Map<string, Matches>();
  count = 0;

  add(subscription: Subscription): void {
    this.cache.clear();
    let node = this.root;
    for (const level of subscription.filter.split('/')) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) node.children.set(level, (child = createNode()));
      node = child;
    }
    if (subscription.group === undefined) {
      node.subscriptions ??= new Map();
      if (!node.subscriptions.has(subscription.session)) this.count++;
      node.subscriptions.set(subscription.session, subscription);
    } else this.join(node, subscription, subscription.group);
  }

  private join(node: Node, subscription: Subscription, name: string): void {
    node.groups ??= new Map();
    let group = node.groups.get(name);
    if (group === undefined) node.groups.set(name, (group = { key: subscription.key, members: [], next: 0 }));
    const at = group.members.findIndex((member) => member.session === subscription.session);
    if (at === -1) {
      group.members.push(subscription);
      this.count++;
    } else group.members[at] = subscription;
  }

  remove(subscription: Subscription): void {
    this.cache.clear();
    const path: [Node, string][] = [];
    let node = this.root;
    for (const level of subscription.filter.split('/')) {
      const child = node.children?.get(level);
      if (child === undefined) return;
      path.push([node, level]);
      node = child;
    }
    if (subscription.group === undefined) {
      if (node.subscriptions?.delete(subscription.session)) this.count--;
      if (node.subscriptions?.size === 0) node.subscriptions = undefined;
    } else this.leave(node, subscription, subscription.group);
    for (let i = path.length - 1; i >= 0; i--) {
      const [parent, level] = path[i] as [Node, string];
      const child = parent.children?.get(level);
      if (child === undefined || !isEmpty(child)) return;
      parent.children?.delete(level);
      if (parent.children?.size === 0) parent.children = undefined;
    }
  }

  private leave(node: Node, subscription: Subscription, name: string): void {
    const group = node.groups?.get(name);
    if (group === undefined) return;
    const at = group.members.findIndex((member) => member.session === subscription.session);
    if (at === -1) return;
    group.members.splice(at, 1);
    this.count--;
    if (group.next > at) group.next--;
    if (group.members.length === 0) node.groups?.delete(name);
    if (node.groups?.size === 0) node.groups = undefined;
  }

  /** The group that a subscription belongs to, while it has members. */
  group(filter: string, name: string): ShareGroup | undefined {
    let node: Node | undefined = this.root;
    for (const level of filter.split('/')) node = node?.children?.get(level);
    return node?.groups?.get(name);
  }

  match(topic: string): Matches {
    const known = this.cache.get(topic);
    if (known !== undefined) return known;
    const found = { subscriptions: [] as Subscription[], groups: [] as ShareGroup[], distinct: true };
    collect(this.root, topic.split('/'), 0, topic.startsWith('$'), found);
    const sessions = new Set(found.subscriptions.map(({ session }) => session));
    found.distinct = sessions.size === found.subscriptions.length;
    if (topic.length > MAX_CACHED_TOPIC_LENGTH) return found;
    if (this.cache.size >= MAX_CACHED_TOPICS) this.cache.clear();
    this.cache.set(topic, found);
    return found;
  }
}

type Found = { subscriptions: Subscription[]; groups: ShareGroup[] };

function take(node: Node, found: Found): void {
  if (node.subscriptions !== undefined)
    for (const subscription of node.subscriptions.values()) found.subscriptions.push(subscription);
  if (node.groups !== undefined) for (const group of node.groups.values()) found.groups.push(group);
}

/** `dollar`: a topic that starts with `$` is not matched by a wildcard in the first level (MQTT 5 §4.7.2). */
function collect(node: Node, levels: readonly string[], at: number, dollar: boolean, found: Found): void {
  const { children } = node;
  const wildcards = !(dollar && at === 0);
  if (children !== undefined && wildcards) {
    const rest = children.get('#');
    if (rest !== undefined) take(rest, found);
  }
  if (at === levels.length) {
    take(node, found);
    return;
  }
  if (children === undefined) return;
  const exact = children.get(levels[at] as string);
  if (exact !== undefined) collect(exact, levels, at + 1, dollar, found);
  if (!wildcards) return;
  const any = children.get('+');
  if (any !== undefined) collect(any, levels, at + 1, dollar, found);
}
