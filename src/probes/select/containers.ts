import { LABEL_ONE_OFF, LABEL_PROJECT, LABEL_SERVICE } from '../../core/marks.ts';
import type { Container } from '../../core/types.ts';

/** Which containers a probe is about: one by its name, or those of a compose service. */
export interface Choice {
  container?: string;
  service?: string;
  project?: string;
}

const NAME = { type: 'string', pattern: '^[^\\s\\p{C}/]+$', maxLength: 255 };

/** The parameters of a choice. `which`: what of a service's containers is meant. */
export function choiceProperties(which: string): Record<string, Record<string, unknown>> {
  return {
    container: { ...NAME, description: 'The exact name of a container.' },
    service: { ...NAME, description: `A compose service: ${which}.` },
    project: {
      ...NAME,
      description: 'The compose project of `service`. Without it: that service in any project.',
    },
  };
}

/** Keywords that go with them. */
export const CHOICE_RULES = {
  oneOf: ['container', 'service'].map((name) => ({ type: 'object', required: [name] })),
  dependentRequired: { project: ['service'] },
};

/** Those that are meant, stopped ones too, by name. */
export function chosen({ container, service, project }: Choice, all: readonly Container[]): Container[] {
  const found = all.filter(({ name, labels }) => {
    if (container !== undefined) return name === container;
    if (labels[LABEL_SERVICE] !== service || labels[LABEL_ONE_OFF] === 'True') return false;
    return project === undefined || labels[LABEL_PROJECT] === project;
  });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `container web`, `service web of project shop`. */
export function choiceName({ container, service, project }: Choice): string {
  if (container !== undefined) return `container ${container}`;
  return project === undefined ? `service ${service}` : `service ${service} of project ${project}`;
}
