import { utf8 } from "../abi/bytes.js";
import { HarnessError } from "../errors.js";
import { frameMessage } from "../proxy/envoy/grpc-messages.js";
import type { GrpcEnd } from "./grpc-calls.js";
import type { Reply, Upstream, UpstreamOptions, UpstreamRequestView } from "./upstreams.js";

/** An answer of a script, and how often it is given. */
interface Step {
  readonly answer: Reply | ((request: UpstreamRequestView) => Reply | Promise<Reply>);
  /** Infinity: for ever. */
  readonly times: number;
}

/** Answers in order, each so many times. It has no state: the same script can serve many proxies at once. */
export class Script {
  readonly steps: readonly Step[];

  /** Use `sequence`, `once`, `times`. */
  constructor(steps: readonly Step[]) {
    this.steps = steps;
  }
}

const stepsOf = (answer: Upstream): readonly Step[] =>
  answer instanceof Script ? answer.steps : [{ answer, times: 1 }];

/** These answers in order, each once; `once`, `times` and other sequences can be among them. */
export const sequence = (...answers: readonly Upstream[]): Script => new Script(answers.flatMap(stepsOf));

/** This answer to one request; another request is an error (UPSTREAM_EXHAUSTED). */
export const once = (answer: Upstream): Script => times(1, answer);

/**
 * This answer, or this whole sequence, so many times.
 *
 * @param count A whole number from 1, or Infinity: whatever comes gets it, and nothing need come.
 * @throws {HarnessError} OPTION_INVALID
 */
export function times(count: number, answer: Upstream): Script {
  if (count !== Infinity && !(Number.isInteger(count) && count >= 1 && count <= mostTimes)) {
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot answer ${count} times: a whole number from 1 to ${mostTimes}, or Infinity, is wanted`,
    );
  }
  const steps = stepsOf(answer);
  if (steps.length === 1 && steps[0]!.times === 1) return new Script([{ answer: steps[0]!.answer, times: count }]);
  if (count === Infinity)
    throw new HarnessError("OPTION_INVALID", "Cannot answer with a sequence for ever: give its length");
  return new Script(Array.from({ length: count }, () => steps).flat());
}
const mostTimes = 100_000;

/** Answers of a script that no request has asked for. */
export interface UnusedReplies {
  readonly upstream: string;
  readonly replies: number;
}

/** A script as one upstream of one proxy plays it. */
export class ScriptPlayer {
  readonly upstream: string;
  private readonly _script: Script;
  /** Requests so far. */
  asked = 0;

  constructor(upstream: string, script: Script) {
    this.upstream = upstream;
    this._script = script;
  }

  /** @throws {HarnessError} UPSTREAM_EXHAUSTED */
  answer(request: UpstreamRequestView): Reply | Promise<Reply> {
    let before = this.asked++;
    for (const { answer, times: count } of this._script.steps) {
      if (before < count) return typeof answer === "function" ? answer(request) : answer;
      before -= count;
    }
    const all = this._script.steps.reduce((sum, step) => sum + step.times, 0);
    throw new HarnessError(
      "UPSTREAM_EXHAUSTED",
      `Upstream "${this.upstream}" has no answer to request ${this.asked}, ${request.method} ${request.path}: its script has ${all}`,
    );
  }

  get unused(): number {
    const wanted = this._script.steps.reduce((sum, step) => sum + (step.times === Infinity ? 0 : step.times), 0);
    return Math.max(0, wanted - this.asked);
  }
}

/**
 * The answer to a gRPC call: messages in frames, then `grpc-status` in trailers. The upstream has to speak HTTP/2: see
 * `grpcUpstream`.
 *
 * @param message Bytes of one message, or of each message of a stream; undefined: none.
 */
export function grpcReply(
  message?: string | Uint8Array | readonly (string | Uint8Array)[],
  { status = 0, statusMessage = "", ...more }: GrpcEnd & Pick<Reply, "delayMs" | "chunkDelayMs" | "fault"> = {},
): Reply {
  const messages = message === undefined ? [] : Array.isArray(message) ? message : [message];
  return {
    status: 200,
    headers: { "content-type": "application/grpc" },
    body: (messages as readonly (string | Uint8Array)[]).map((one) =>
      frameMessage(typeof one === "string" ? utf8(one) : one),
    ),
    trailers: { "grpc-status": String(status), ...(statusMessage !== "" && { "grpc-message": statusMessage }) },
    ...more,
  };
}

/** An upstream that speaks HTTP/2, as calls over gRPC want. */
export const grpcUpstream = (
  answer: Upstream,
  more: Omit<UpstreamOptions, "answer" | "protocol"> = {},
): UpstreamOptions => ({
  ...more,
  answer,
  protocol: "HTTP/2",
});
