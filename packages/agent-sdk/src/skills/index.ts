export { Type } from 'typebox';
export type { Static, TSchema } from 'typebox';
export { defineSkill } from './define-skill.ts';
export type { Skill, SkillDefinition } from './define-skill.ts';
