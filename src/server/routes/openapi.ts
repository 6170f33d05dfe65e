import { free } from '../json-schema.ts';
import { json, operation, type Resource } from '../operation.ts';

const tag = 'Document';

export const openapi: Resource = {
  tag: { name: tag, description: 'This document.' },
  add: (app, { document }) => {
    app.get(
      '/api/v1/openapi.json',
      operation({
        tag,
        id: 'getOpenapi',
        summary: 'The OpenAPI document',
        description:
          'OpenAPI 3.1, of this version of the daemon. The package has it as schemas/openapi.json.',
        answers: { 200: json('The document.', free) },
      }),
      () => document(),
    );
  },
};
