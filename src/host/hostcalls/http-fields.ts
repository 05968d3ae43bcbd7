import type { ByteString } from "../../abi/bytes.js";
import { noBytes } from "../../abi/bytes.js";
import { Status } from "../../abi/enums.js";
import { limits } from "../../abi/limits.js";
import { fieldName, pairs, returnBytes, returnPairs, returnU32, text } from "../../vm/parameters.js";
import { hostcall, mapType } from "../hostcall.js";
import type { PluginVm } from "../plugin-vm.js";
import type { Fields } from "../stream-port.js";

/**
 * All entries of a map, repeated names one by one, in order. A map that does not exist now is empty. [E]
 *
 * BAD_ARGUMENT for maps above 7; INVALID_MEMORY_ACCESS. [S] v0.2.1 #proxy_get_header_map_pairs
 */
export const proxyGetHeaderMapPairs = hostcall(
  { name: "proxy_get_header_map_pairs", params: { map: mapType, value: returnPairs } },
  (call, { map }) => {
    const fields = call.acting.listFields(map);
    return { value: fields === undefined || fields.count === 0 ? noBytes : fields.encoded() };
  },
);

/** Bytes of all names and values of a map that can be written now, else BAD_ARGUMENT. INVALID_MEMORY_ACCESS. [E] */
export const proxyGetHeaderMapSize = hostcall(
  { name: "proxy_get_header_map_size", params: { map: mapType, size: returnU32 } },
  (call, { map }) => {
    const fields = call.acting.writeFields(map, false);
    return typeof fields === "number" ? fields : { size: fields.byteSize };
  },
);

/**
 * The first value of a name; names ignore case.
 *
 * NOT_FOUND when the name is absent (0.1.0: OK and empty); while the map does not exist, BAD_ARGUMENT, in `proxy_on_log`
 * NOT_FOUND; BAD_ARGUMENT for maps above 7; INVALID_MEMORY_ACCESS. [S] v0.2.1 #proxy_get_header_map_value [E]
 */
export const proxyGetHeaderMapValue = hostcall(
  { name: "proxy_get_header_map_value", params: { map: mapType, name: fieldName, value: returnBytes } },
  (call, { map, name }) => {
    const fields = call.acting.readFields(map);
    const value = typeof fields === "number" ? undefined : fields.first(name);
    if (value !== undefined) return { value };
    if (fields === Status.BadArgument) return fields;
    return call.abi.missingField === Status.Ok ? { value: noBytes } : Status.NotFound;
  },
);

/**
 * Replaces all entries of a map by these, added in order. Malformed pairs count as none, and the map is emptied. [H]
 *
 * BAD_ARGUMENT when the map cannot be written now, or is above 7; INVALID_MEMORY_ACCESS. [S] #proxy_set_header_map_pairs
 */
export const proxySetHeaderMapPairs = hostcall(
  { name: "proxy_set_header_map_pairs", params: { map: mapType, fields: pairs } },
  (call, { map, fields: given }) => {
    call.noteMalformed("proxy_set_header_map_pairs", given);
    const fields = call.acting.writeFields(map);
    if (typeof fields === "number") return fields;
    fields.assign(given.pairs);
    return Status.Ok;
  },
);

/** Is there room for one more entry? An entry that is replaced counts beside the new one. */
function checkRoom(call: PluginVm, fields: Fields, name: ByteString, value: ByteString): void {
  call.checkLimit("headerCount", fields.count + 1, limits.headerCount);
  call.checkLimit("headerBytes", fields.byteSize + name.length + value.length, limits.headerBytes);
}

/** Appends an entry. Statuses as for `proxy_set_header_map_pairs`. [S] v0.2.1 #proxy_add_header_map_value */
export const proxyAddHeaderMapValue = hostcall(
  { name: "proxy_add_header_map_value", params: { map: mapType, name: fieldName, value: text } },
  (call, { map, name, value }) => {
    const fields = call.acting.writeFields(map);
    if (typeof fields === "number") return fields;
    checkRoom(call, fields, name, value);
    fields.add(name, value);
    return Status.Ok;
  },
);

/** Removes every entry of the name, then appends one. Statuses as above. [S] #proxy_replace_header_map_value */
export const proxyReplaceHeaderMapValue = hostcall(
  { name: "proxy_replace_header_map_value", params: { map: mapType, name: fieldName, value: text } },
  (call, { map, name, value }) => {
    const fields = call.acting.writeFields(map);
    if (typeof fields === "number") return fields;
    checkRoom(call, fields, name, value);
    fields.replace(name, value);
    return Status.Ok;
  },
);

/** Removes every entry of the name; OK also when there is none. Statuses as above. [S] #proxy_remove_header_map_value */
export const proxyRemoveHeaderMapValue = hostcall(
  { name: "proxy_remove_header_map_value", params: { map: mapType, name: fieldName } },
  (call, { map, name }) => {
    const fields = call.acting.writeFields(map);
    if (typeof fields === "number") return fields;
    fields.remove(name);
    return Status.Ok;
  },
);
