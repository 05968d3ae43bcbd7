import { byteString } from "../../../abi/bytes.js";
import type { ByteString } from "../../../abi/bytes.js";
import { Status } from "../../../abi/enums.js";
import { limits } from "../../../abi/limits.js";
import type { RootExtension } from "../../../host/contexts.js";
import { PluginContext } from "../../../host/contexts.js";
import type { ForeignFunction } from "../../../host/foreign-function.js";
import type { LifeSpan } from "../filter-state.js";
import { lifeSpan } from "../filter-state.js";
import { ScalarMessage } from "./message.js";

/** How a property that a plugin sets is kept. */
export interface DeclaredProperty {
  readonly readOnly: boolean;
  readonly span: LifeSpan;
}

const undeclared: DeclaredProperty = { readOnly: false, span: 0 };

/** What a plugin declared, by name. */
class Declarations implements RootExtension {
  readonly byName = new Map<ByteString, DeclaredProperty>();
  copy(): Declarations {
    const copy = new Declarations();
    for (const [name, declared] of this.byName) copy.byName.set(name, declared);
    return copy;
  }
}

/** The declaration of a property by its path, or the default. */
export function declaredProperty(root: PluginContext, path: ByteString): DeclaredProperty {
  return root.findExtension(Declarations)?.byName.get(path) ?? undeclared;
}

/**
 * `declare_property`: { 1 name, 2 readonly, 3 type, 4 schema, 5 span }, for the plugin's root.
 *
 * BAD_ARGUMENT for a name that is declared already and for bytes that are no such message. On a stream it answers OK and
 * changes nothing that set_property looks at. The type and its schema change nothing either: values are read as they were
 * written, and stepping into one is NOT_FOUND, as recorded for google.protobuf.Duration. [R]
 */
export const declareProperty: ForeignFunction = (bytes, context) => {
  const args = ScalarMessage.parse(bytes, [1]);
  if (args === undefined) return Status.BadArgument;
  if (!(context instanceof PluginContext)) return Status.Ok;
  const name = byteString(args.bytes(1));
  const { byName } = context.extension(Declarations);
  if (byName.has(name)) return Status.BadArgument;
  context.vm.checkLimit("declaredProperties", byName.size + 1, limits.declaredProperties);
  byName.set(name, { readOnly: args.boolean(2), span: lifeSpan(args.number(5)) });
  return Status.Ok;
};
