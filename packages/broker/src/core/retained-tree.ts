import type { Message } from './message.ts';

interface Node {
  children: Map<string, Node> | undefined;
  message: Message | undefined;
}

/** Retained messages by topic, found by filter. */
export class RetainedTree {
  private readonly root: Node = { children: undefined, message: undefined };
  private readonly byTopic = new Map<string, Message>();
  bytes = 0;

  get count(): number {
    return this.byTopic.size;
  }

  /** How many are not below this first level. */
  countWithout(first: string): number {
    let below = 0;
    for (const topic of this.byTopic.keys()) if (topic.startsWith(`${first}/`)) below++;
    return this.byTopic.size - below;
  }

  get(topic: string): Message | undefined {
    return this.byTopic.get(topic);
  }

  all(): Iterable<Message> {
    return this.byTopic.values();
  }

  set(message: Message): void {
    this.bytes += message.payload.length - (this.byTopic.get(message.topic)?.payload.length ?? 0);
    this.byTopic.set(message.topic, message);
    let node = this.root;
    for (const level of message.topic.split('/')) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined)
        node.children.set(level, (child = { children: undefined, message: undefined }));
      node = child;
    }
    node.message = message;
  }

  delete(topic: string): boolean {
    const known = this.byTopic.get(topic);
    if (known === undefined) return false;
    this.bytes -= known.payload.length;
    this.byTopic.delete(topic);
    remove(this.root, topic.split('/'), 0);
    return true;
  }

  match(filter: string): Message[] {
    if (!filter.includes('+') && !filter.includes('#')) {
      const message = this.byTopic.get(filter);
      return message === undefined ? [] : [message];
    }
    const found: Message[] = [];
    collect(this.root, filter.split('/'), 0, found);
    return found;
  }
}

function remove(node: Node, levels: readonly string[], at: number): void {
  if (at === levels.length) {
    node.message = undefined;
    return;
  }
  const level = levels[at] as string;
  const child = node.children?.get(level);
  if (child === undefined) return;
  remove(child, levels, at + 1);
  if (child.children !== undefined || child.message !== undefined) return;
  node.children?.delete(level);
  if (node.children?.size === 0) node.children = undefined;
}

function collect(node: Node, levels: readonly string[], at: number, found: Message[]): void {
  if (at === levels.length) {
    if (node.message !== undefined) found.push(node.message);
    return;
  }
  const level = levels[at] as string;
  if (level === '#') {
    collectAll(node, at === 0, found);
    return;
  }
  if (node.children === undefined) return;
  if (level !== '+') {
    const child = node.children.get(level);
    if (child !== undefined) collect(child, levels, at + 1, found);
    return;
  }
  for (const [name, child] of node.children) {
    if (at === 0 && name.startsWith('$')) continue;
    collect(child, levels, at + 1, found);
  }
}

function collectAll(node: Node, first: boolean, found: Message[]): void {
  if (node.message !== undefined) found.push(node.message);
  if (node.children === undefined) return;
  for (const [name, child] of node.children) {
    if (first && name.startsWith('$')) continue;
    collectAll(child, false, found);
  }
}
