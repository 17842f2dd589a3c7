import type { MaybePromise } from '../core/keyed-lock.ts';
import type { Output } from '../core/output.ts';
import type { SkillHandler } from '../core/skill-handler.ts';
import { skillFor, unknownSkill } from '../core/skill-handler.ts';
import type { TaskContext, TaskHandler } from './task-context.ts';

/** One handler of all: the skill that a message names, else `handle`, else a refusal that lists the skills. */
export function taskHandler(
  skills: readonly SkillHandler<TaskContext>[],
  handle: TaskHandler | undefined,
): TaskHandler {
  if (skills.length === 0 && handle !== undefined) return handle;
  return (task) => {
    const named = task.metadata['skill'];
    // With a handler for everything else, a message without a name is its own.
    const skill = named === undefined && handle !== undefined ? undefined : skillFor(skills, named);
    if (skill !== undefined) return skill.run(task) as MaybePromise<Output | void>;
    if (handle !== undefined) return handle(task);
    return task.reject(unknownSkill(skills, named));
  };
}
