import type { FastifyInstance } from 'fastify';
import { described, named, object, optionalText, optionalTime, text } from '../json-schema.ts';
import { json, operation, type Resource, type RouteDeps, refusal } from '../operation.ts';

const tag = 'Git';

const gitSchema = named(
  'GitState',
  'The repository that manifests are taken from.',
  object({
    url: described('Without user and password.', text),
    branch: text,
    commit: described('What is checked out.', optionalText),
    fetchedAt: described('When the remote last answered with the branch.', optionalTime),
    error: described('What is wrong just now. The last good commit stands meanwhile.', optionalText),
  }),
);

export const git: Resource = {
  tag: { name: tag, description: 'The repository that the daemon follows, with `squall daemon --git`.' },
  add: (app, deps) => {
    app.register(async (scope) => {
      dropBodies(scope);
      addSync(scope, deps);
    });
  },
};

/** A Git server's webhook sends what it likes, and as much: none of it is kept. */
function dropBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_, payload, done) => {
    payload.once('end', () => done(null));
    payload.once('error', done);
    payload.resume();
  });
}

function addSync(app: FastifyInstance, { control }: RouteDeps): void {
  app.post(
    '/api/v1/git/sync',
    operation({
      tag,
      id: 'syncGit',
      summary: 'Fetch the repository now',
      description:
        "For a Git server's webhook; the body is not looked at. Answers when the branch is fetched and checked out, or could not be: then with the error.",
      answers: { 200: json('How it stands now.', gitSchema) },
      refusals: { 404: refusal('The daemon follows no repository.') },
    }),
    () => control.sync(),
  );
}
