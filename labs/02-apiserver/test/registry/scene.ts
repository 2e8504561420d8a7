// scene: small objects as they lie in the store, for the tests of what is decided about them.
import { objectKey } from '#src/registry/resource-definition.ts';
import { encodeForStorage, StoredObject } from '#src/registry/stored-object.ts';
import { refOf, WIDGETS, type Widget, widget } from '../steps/support/widgets.ts';

/** `name` may be `namespace/name`. */
export function stored(
  name: string,
  more: Partial<Widget> = {},
  { definition = WIDGETS, revision = 7 } = {},
): StoredObject {
  const key = objectKey(definition, refOf(name, definition));
  return StoredObject.fromValue(key, revision, encodeForStorage(widget(name, more, definition)));
}
