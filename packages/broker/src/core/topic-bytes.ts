const MAX_TOPICS = 4096;
const MAX_LENGTH = 256;

/** Topics as they stand in packets. Most messages go to a topic that was seen before. */
export class TopicBytes {
  private readonly known = new Map<string, Buffer>();

  of(topic: string): Buffer {
    const known = this.known.get(topic);
    if (known !== undefined) return known;
    const bytes = Buffer.from(topic, 'utf8');
    if (topic.length > MAX_LENGTH) return bytes;
    // Memory of its own: it stays when its neighbours are gone.
    const own = Buffer.allocUnsafeSlow(bytes.length);
    own.set(bytes);
    if (this.known.size >= MAX_TOPICS) this.known.clear();
    this.known.set(topic, own);
    return own;
  }
}
