import type { ByteString } from "../../abi/bytes.js";

/** Who is told that an item came: the root context that registered the queue last. */
export interface QueueOwner {
  queueReady(token: number): void;
}

interface Queue {
  readonly token: number;
  readonly vmId: string;
  readonly name: ByteString;
  readonly items: Uint8Array[];
  /** Of all items. */
  bytes: number;
  owner: QueueOwner;
}

const copyOf = (queue: Queue): Queue => ({ ...queue, items: [...queue.items] });

/** Queues of the whole process by (vm_id, name); tokens are one counter from 1. [H] shared_queue.cc */
export class SharedQueues {
  #byToken = new Map<number, Queue>();
  #byName = new Map<string, Queue>();
  #lastToken = 0;

  /** Makes the queue or opens it again, contents kept; `owner` is the one notified from now on. */
  register(vmId: string, name: ByteString, owner: QueueOwner): number {
    const key = `${vmId}\0${name}`;
    const known = this.#byName.get(key);
    if (known !== undefined) {
      known.owner = owner;
      return known.token;
    }
    const queue: Queue = { token: ++this.#lastToken, vmId, name, items: [], bytes: 0, owner };
    this.#byName.set(key, queue);
    this.#byToken.set(queue.token, queue);
    return queue.token;
  }

  resolve(vmId: string, name: ByteString): number | undefined {
    return this.#byName.get(`${vmId}\0${name}`)?.token;
  }

  /** The owner to notify once, or undefined for an unknown token. */
  enqueue(token: number, item: Uint8Array): QueueOwner | undefined {
    const queue = this.#byToken.get(token);
    if (queue === undefined) return undefined;
    queue.items.push(item);
    queue.bytes += item.length;
    return queue.owner;
  }

  /** The head, `"empty"`, or undefined for an unknown token. */
  dequeue(token: number): Uint8Array | "empty" | undefined {
    const queue = this.#byToken.get(token);
    if (queue === undefined) return undefined;
    const item = queue.items.shift();
    if (item === undefined) return "empty";
    queue.bytes -= item.length;
    return item;
  }

  size(token: number): number {
    return this.#byToken.get(token)?.items.length ?? 0;
  }

  /** Bytes of the items that wait in a queue. */
  bytes(token: number): number {
    return this.#byToken.get(token)?.bytes ?? 0;
  }

  /** How many queues there are. */
  get count(): number {
    return this.#byToken.size;
  }

  /** Forgets the queues of a vm_id: its last VM is gone. [H] */
  drop(vmId: string): void {
    for (const [key, queue] of this.#byName) {
      if (queue.vmId !== vmId) continue;
      this.#byName.delete(key);
      this.#byToken.delete(queue.token);
    }
  }

  capture(): unknown {
    return {
      queues: [...this.#byToken.values()].map(copyOf),
      lastToken: this.#lastToken,
    };
  }

  restore(captured: unknown): void {
    const { queues, lastToken } = captured as { queues: Queue[]; lastToken: number };
    this.#lastToken = lastToken;
    if (queues.length + this.#byToken.size === 0) return;
    this.#byToken.clear();
    this.#byName.clear();
    for (const queue of queues) {
      const copy = copyOf(queue);
      this.#byToken.set(copy.token, copy);
      this.#byName.set(`${copy.vmId}\0${copy.name}`, copy);
    }
  }
}
