import { Environment } from "@marcbachmann/cel-js";
import { textOf } from "../../../abi/bytes.js";
import { LogLevel, Status } from "../../../abi/enums.js";
import { limits } from "../../../abi/limits.js";
import { messageOf } from "../../../errors.js";
import type { Context, RootExtension } from "../../../host/contexts.js";
import type { ForeignFunction } from "../../../host/foreign-function.js";
import type { Message, Properties } from "../property-value.js";
import { celBytes } from "./cel-bytes.js";
import { celVariables } from "./cel-variables.js";

type Expression = ReturnType<Environment["parse"]>;

const environment = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false });
const functionNames: ReadonlySet<string> = new Set(environment.getDefinitions().functions.map(({ name }) => name));

/** The expressions of a plugin, by token. Tokens count up from 0 and are never used again. */
class Expressions implements RootExtension {
  next = 0;
  readonly byToken = new Map<number, Expression>();
  copy(): Expressions {
    const copy = new Expressions();
    copy.next = this.next;
    for (const [token, expression] of this.byToken) copy.byToken.set(token, expression);
    return copy;
  }
}

/**
 * `expr_create`: CEL source in, a token of 4 bytes out, which all streams of the plugin can use.
 *
 * BAD_ARGUMENT, and a line of level info, for a text that is no expression or calls a function that does not exist. Envoy's
 * words for what is wrong are its parser's and differ from these.
 */
export const exprCreate: ForeignFunction = (bytes, context) => {
  const { root } = context;
  if (root === undefined) return Status.BadArgument;
  let expression: Expression;
  try {
    expression = environment.parse(textOf(bytes));
    const { error } = expression.check();
    if (error !== undefined && callsUnknown(error.message)) throw error;
  } catch (thrown) {
    context.vm.hostLog(LogLevel.Info, `expr_create parse error: ERROR: ${messageOf(thrown)}`);
    return Status.BadArgument;
  }
  const expressions = root.extension(Expressions);
  context.vm.checkLimit("expressions", expressions.byToken.size + 1, limits.expressions);
  const token = expressions.next++;
  expressions.byToken.set(token, expression);
  const result = new Uint8Array(4);
  new DataView(result.buffer).setUint32(0, token, true);
  return result;
};

/**
 * `expr_evaluate`: a token in, the value as a property would have it out, with what the context can see at this moment.
 *
 * BAD_ARGUMENT for other than 4 bytes, NOT_FOUND for no such token, INTERNAL_FAILURE when the evaluation fails,
 * SERIALIZATION_FAILURE for a value without bytes. `properties` are those that win over what a root can see.
 */
export function exprEvaluate(properties: Properties, node: Message): ForeignFunction {
  return (bytes, context) => {
    const expression = find(bytes, context);
    if (typeof expression === "number") return expression;
    let value: unknown;
    try {
      value = expression(celVariables(context, properties, node));
    } catch {
      return Status.InternalFailure;
    }
    return celBytes(value);
  };
}

/** `expr_delete`: a token in, nothing out. BAD_ARGUMENT for other than 4 bytes; a token that is not there is OK. */
export const exprDelete: ForeignFunction = (bytes, context) => {
  if (bytes.length !== 4) return Status.BadArgument;
  context.root?.extension(Expressions).byToken.delete(tokenOf(bytes));
  return Status.Ok;
};

function find(bytes: Uint8Array, context: Context): Expression | Status {
  if (bytes.length !== 4) return Status.BadArgument;
  return context.root?.extension(Expressions).byToken.get(tokenOf(bytes)) ?? Status.NotFound;
}

const tokenOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);

/** [S] Functions are looked up when an expression is made, their types when it is evaluated. */
function callsUnknown(message: string): boolean {
  const called = /^found no matching overload for '(?:[^'(]*\.)?(\w+)\(/.exec(message)?.[1];
  return called !== undefined && !functionNames.has(called);
}
