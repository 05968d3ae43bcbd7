import { limits } from "../../abi/limits.js";
import { HarnessError } from "../../errors.js";
import type { Callout } from "../callouts.js";
import type { PluginContext } from "../contexts.js";

interface Open {
  readonly root: PluginContext;
  /** Undefined for a call that was refused and of which events will tell all the same. */
  readonly callout: Callout | undefined;
}

/** The calls of one VM that wait for an answer. The low two bits of a token are its kind, the rest counts up. [H] */
export class VmCallouts {
  readonly #last: [number, number, number] = [0, 1, 2];
  #lastQuestion = 1;
  /** Names that wait for their addresses. */
  #questions = 0;
  readonly #open = new Map<number, Open>();

  /** The token of a question to a resolver. [E] */
  reserveDns(): number {
    if (this.#questions >= limits.pendingCalls) {
      throw new HarnessError(
        "LIMIT_EXCEEDED",
        `Cannot resolve a name: ${limits.pendingCalls} questions wait already (pendingCalls)`,
      );
    }
    this.#questions++;
    return ++this.#lastQuestion;
  }

  dnsAnswered(): void {
    this.#questions--;
  }

  /** The next token of this kind. */
  reserve(kind: 0 | 1 | 2): number {
    if (this.#open.size >= limits.pendingCalls) {
      throw new HarnessError(
        "LIMIT_EXCEEDED",
        `Cannot start a call: ${limits.pendingCalls} wait already (pendingCalls)`,
      );
    }
    return (this.#last[kind] += 4);
  }

  /** Takes the last reserved token back: the call was refused before it began. */
  release(kind: 0 | 1 | 2): void {
    this.#last[kind] -= 4;
  }

  add(token: number, root: PluginContext, callout: Callout): void {
    this.#open.set(token, { root, callout });
  }

  /** A refused call: to the guest its token is not open, but its events come. */
  addRefused(token: number, root: PluginContext): void {
    this.#open.set(token, { root, callout: undefined });
  }

  /** May events of this call come? */
  has(token: number): boolean {
    return this.#open.has(token);
  }

  get(token: number): Callout | undefined {
    return this.#open.get(token)?.callout;
  }

  /** Forgets a call; false when it was not open. */
  remove(token: number): boolean {
    return this.#open.delete(token);
  }

  /** Tokens that wait, with their roots. */
  get pending(): readonly { readonly token: number; readonly root: PluginContext }[] {
    return [...this.#open].map(([token, { root }]) => ({ token, root }));
  }

  /** Ends the calls of a root, or all of them, without a callback. */
  cancelAll(root?: PluginContext): void {
    for (const [token, open] of this.#open) {
      if (root !== undefined && open.root !== root) continue;
      this.#open.delete(token);
      open.callout?.cancel();
    }
  }

  capture(): unknown {
    return { last: [...this.#last], lastQuestion: this.#lastQuestion, open: new Map(this.#open) };
  }

  restore(captured: unknown): void {
    const { last, lastQuestion, open } = captured as {
      last: [number, number, number];
      lastQuestion: number;
      open: Map<number, Open>;
    };
    this.#lastQuestion = lastQuestion;
    this.#questions = 0;
    for (let i = 0; i < last.length; i++) this.#last[i] = last[i]!;
    if (this.#open.size > 0) this.#open.clear();
    for (const [token, one] of open) this.#open.set(token, one);
  }
}
