// definitions: CustomResourceDefinitions for tests, valid unless a test makes them otherwise.
import type { CustomResourceDefinition } from '#src/crd/definition.ts';
import { customResourceDefinitionStrategy as strategy } from '#src/crd/definition-strategy.ts';
import type { JsonSchema } from '#src/crd/json-schema.ts';
import { bodyOf, type FieldError } from '#src/strategy/field-error.ts';

export const SPEC_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['cronSpec'],
  properties: {
    cronSpec: { type: 'string', pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' },
    image: { type: 'string', default: 'busybox' },
    replicas: { type: 'integer', minimum: 1, maximum: 10 },
  },
};
export const SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    spec: SPEC_SCHEMA,
    status: { type: 'object', properties: { replicas: { type: 'integer' } } },
  },
};

export function cronTabs(
  change: (definition: CustomResourceDefinition) => void = () => {},
): CustomResourceDefinition {
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'crontabs.stable.example.com' },
    spec: {
      group: 'stable.example.com',
      scope: 'Namespaced',
      names: { plural: 'crontabs', kind: 'CronTab', shortNames: ['ct'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: structuredClone(SCHEMA) },
        },
      ],
    },
  } as CustomResourceDefinition;
  change(definition);
  return definition;
}

/** The same with another schema for its only version. */
export function withSchema(schema: JsonSchema): CustomResourceDefinition {
  return cronTabs(({ spec }) => {
    const [version] = spec.versions;
    if (version !== undefined) version.schema = { openAPIV3Schema: schema as object };
  });
}

/** As the registry would have it judged when it is made. */
export function created(definition: CustomResourceDefinition): CustomResourceDefinition {
  strategy.setDefaults(definition);
  strategy.prepareForCreate(definition);
  return definition;
}

export function errorsOf(definition: CustomResourceDefinition): readonly string[] {
  return texts(strategy.validate(created(definition)));
}

export function texts(errors: readonly FieldError[]): readonly string[] {
  return errors.map((error) => `${error.field}: ${bodyOf(error)}`);
}
