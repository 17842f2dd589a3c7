import type { Output, TaskContext } from '@shoal/agent-sdk';
import { readOrder, type DeviceOrder } from '../core/agent/operations.ts';
import type { DeviceStatus } from '../core/agent/status.ts';
import type { OperateAnswer } from './operator.ts';

/** What the skills work with. */
export interface DeviceSkills {
  status(): DeviceStatus;
  operate(order: DeviceOrder): Promise<OperateAnswer>;
  relearn(): Promise<void>;
  /** Answers a question in words. */
  explain(question: string, taskId: string): Promise<string>;
}

/**
 * Answers one message. Data with `skill` asks for that skill, data with `tool` is an order, anything in words is a question. What
 * cannot be understood is rejected with the names of the skills.
 */
export async function answerTask(task: TaskContext, skills: DeviceSkills): Promise<Output | undefined> {
  const data = isObject(task.data) ? task.data : {};
  const skill =
    data['skill'] ?? task.metadata['skill'] ?? (data['tool'] === undefined ? 'explain' : 'operate');
  switch (skill) {
    case 'status':
      return { data: skills.status() };
    case 'operate': {
      const order = readOrder(data, task.taskId);
      if (typeof order === 'string') {
        task.reject(order);
        return undefined;
      }
      return { data: await skills.operate(order) };
    }
    case 'relearn':
      await skills.relearn();
      return { data: { ok: true, learnedSamples: 0 } };
    case 'explain':
      return skills.explain(task.text, task.taskId);
    default:
      task.reject(`no skill ${JSON.stringify(skill)}: status, operate, relearn or explain`);
      return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
