// UI strings: every word that the site itself says, in each language. Lessons and pages bring their own words.
//
// `{n}` is a place for a value: say('en', 'minutes', { n: 40 }). A string that is missing in a language does not type-check.
import type { Lang } from './page.ts';

const STRINGS = {
  site: { en: 'kube-labs', zh: 'kube-labs' },
  tagline: {
    en: 'Build a Kubernetes yourself, in TypeScript, in eight labs. Then run it.',
    zh: '用 TypeScript、分八个实验，亲手造一个 Kubernetes，然后真正运行它。',
  },
  skip: { en: 'Skip to the text', zh: '跳到正文' },
  navLabs: { en: 'Labs', zh: '实验' },
  navGlossary: { en: 'Glossary', zh: '术语表' },
  navArchitecture: { en: 'Architecture', zh: '架构' },
  navDecisions: { en: 'Decisions', zh: '设计决定' },
  navTeaching: { en: 'Teaching', zh: '教学' },
  navHelp: { en: 'Troubleshooting', zh: '故障排查' },
  navChanges: { en: 'What changed', zh: '变更' },
  navSite: { en: 'Site', zh: '站点' },
  navLab: { en: 'Steps of this lab', zh: '本实验的步骤' },
  menu: { en: 'Menu', zh: '菜单' },
  crumbs: { en: 'Where you are', zh: '当前位置' },
  onThisPage: { en: 'On this page', zh: '本页目录' },
  search: { en: 'Search', zh: '搜索' },
  searchHint: { en: 'Search lessons, glossary, pages', zh: '搜索课程、术语与页面' },
  searchNone: { en: 'Nothing found for “{query}”', zh: '没有找到“{query}”' },
  searchCount: { en: '{n} results', zh: '{n} 个结果' },
  searchBroken: {
    en: 'The search index could not be loaded. Build the site again: npm run docs -- build',
    zh: '无法加载搜索索引。请重新构建站点：npm run docs -- build',
  },
  close: { en: 'Close', zh: '关闭' },
  themeAuto: { en: 'Theme: as the system', zh: '主题：跟随系统' },
  themeLight: { en: 'Theme: light', zh: '主题：浅色' },
  themeDark: { en: 'Theme: dark', zh: '主题：深色' },
  language: { en: 'English', zh: '中文' },
  teacherView: { en: 'Teacher view', zh: '教师视图' },
  untranslated: {
    en: 'This page has no translation yet.',
    zh: '本页尚未翻译，以下是英文原文。',
  },
  untranslatedPart: { en: 'This part has no translation yet.', zh: '以下部分尚未翻译。' },
  draft: {
    en: 'Draft: built with --no-transcripts, so the tests were not run and no transcript is shown.',
    zh: '草稿：以 --no-transcripts 构建，没有运行测试，因此不显示测试输出。',
  },
  minutes: { en: '{n} min', zh: '{n} 分钟' },
  minutesPlanned: { en: '{n} minutes', zh: '{n} 分钟' },
  hoursPlanned: { en: '{h} h {m} min', zh: '{h} 小时 {m} 分钟' },
  wholeHours: { en: '{h} h', zh: '{h} 小时' },
  stepOf: { en: 'Step {n} of {m}', zh: '第 {n} 步，共 {m} 步' },
  step: { en: 'Step {n}', zh: '第 {n} 步' },
  lab: { en: 'Lab {n}', zh: '实验 {n}' },
  needs: { en: 'You need', zh: '前置条件' },
  needsLab: { en: 'the steps before', zh: '前面的步骤' },
  needsNothing: { en: 'nothing but this lab’s first page', zh: '只需本实验的首页' },
  writes: { en: 'You write', zh: '你要写' },
  functionsIn: { en: '{n} in {files}', zh: '{files} 中的 {n} 个' },
  sectionWhy: { en: 'Why', zh: '为什么' },
  sectionKeepTrue: { en: 'Keep true', zh: '必须始终成立' },
  sectionPredict: { en: 'Predict', zh: '先预测' },
  sectionTasks: { en: 'Tasks', zh: '任务' },
  sectionRun: { en: 'Run', zh: '运行' },
  sectionReal: { en: 'In real Kubernetes', zh: '真实的 Kubernetes 中' },
  sectionQuestions: { en: 'Questions', zh: '思考题' },
  hints: { en: 'Hints', zh: '提示' },
  hintsIntro: {
    en: 'Three levels for each task. Open the next one only when the last did not help. In the terminal: lab hint.',
    zh: '每个任务有三级提示。上一级不够用时再打开下一级。终端里用：lab hint。',
  },
  hint1: { en: 'A question', zh: '一个问题' },
  hint2: { en: 'Where to look', zh: '去哪里看' },
  hint3: { en: 'The shape of the code', zh: '代码的轮廓' },
  theStep: { en: 'The step as a whole', zh: '整个步骤' },
  predictAnswer: { en: 'I have a prediction: what happens', zh: '我已有预测：实际会怎样' },
  criteria: { en: 'What a good answer says', zh: '好的回答应包含' },
  tried: { en: 'I have tried', zh: '我已经试过了' },
  triedHide: { en: 'Hide the solution', zh: '隐藏参考解答' },
  solution: { en: 'The difference this step makes', zh: '这一步带来的改动' },
  solutionIntro: {
    en: 'How the reference does it, against the skeleton you started from. There are other right answers: the tests decide.',
    zh: '参考实现相对于起始骨架的改动。正确答案不止一种：以测试为准。',
  },
  expectedRed: { en: 'What you see before you have written anything', zh: '动手之前你会看到' },
  expectedGreen: { en: 'What you see when the step is done', zh: '完成这一步后你会看到' },
  transcriptBy: {
    en: 'Printed by the tests when this page was built.',
    zh: '由构建本页时运行的测试打印。',
  },
  noTranscript: {
    en: 'Not shown in this draft: the tests were not run.',
    zh: '草稿中不显示：没有运行测试。',
  },
  previous: { en: 'Previous', zh: '上一页' },
  next: { en: 'Next', zh: '下一页' },
  steps: { en: 'Steps', zh: '步骤' },
  noLessons: { en: 'no lessons yet', zh: '暂无课程' },
  noLessonsLong: {
    en: 'This part works and runs in the cluster, but has no lessons yet. What follows is its README: what it is, where each idea is, what it keeps true.',
    zh: '这一部分已能在集群中运行，但还没有课程。下面是它的 README：它是什么、每个思想在哪个文件、它保证什么。',
  },
  aboutLab: { en: 'About this part', zh: '关于这一部分' },
  startLab: { en: 'Start', zh: '开始' },
  theLabs: { en: 'The labs, in order', zh: '各个实验，按顺序' },
  minutesColumn: { en: 'Minutes', zh: '时间' },
  labColumn: { en: 'Lab', zh: '实验' },
  youBuild: { en: 'What you build', zh: '你要造什么' },
  continueHere: { en: 'Continue where you were', zh: '从上次的地方继续' },
  map: { en: 'The cluster', zh: '集群' },
  mapLit: { en: 'you build this', zh: '正在建造' },
  mapWorks: { en: 'works already', zh: '已经可用' },
  mapLater: { en: 'comes later', zh: '以后再造' },
  mapGiven: { en: 'given', zh: '现成的' },
  source: { en: 'Source', zh: '源码' },
  sourceSkeleton: { en: 'Skeleton', zh: '骨架' },
  isSkeleton: {
    en: 'This is the file as you find it in work/, with the bodies that the lab asks for still to be written.',
    zh: '这是 work/ 中一开始的样子，本实验要求的函数体尚待你写。',
  },
  toReference: { en: 'The reference, with the solution', zh: '参考实现（含解答）' },
  isReference: {
    en: 'This is the reference: it holds the solution of what the lab asks for.',
    zh: '这是参考实现，包含本实验要求的解答。',
  },
  toSkeleton: { en: 'As in your skeleton', zh: '骨架中的样子' },
  sourceOf: { en: 'Source of {file}', zh: '{file} 的源码' },
  sourceFolder: { en: 'Folder {folder}', zh: '目录 {folder}' },
  lineCount: { en: '{n} lines', zh: '{n} 行' },
  skeleton: { en: 'as in your skeleton', zh: '骨架中的样子' },
  copy: { en: 'Copy', zh: '复制' },
  copied: { en: 'Copied', zh: '已复制' },
  copyFailed: { en: 'Select and copy', zh: '请手动复制' },
  teacherDemonstrate: { en: 'Demonstrate', zh: '演示' },
  teacherMistakes: { en: 'Common mistakes', zh: '常见错误' },
  teacherStuck: { en: 'When the class is stuck', zh: '全班卡住时' },
  teacherMinutes: { en: 'Minutes', zh: '时间安排' },
  forTeacher: { en: 'For the teacher', zh: '教师用' },
  slides: { en: 'Slides', zh: '幻灯片' },
  slideOf: { en: 'Slide {n} of {m}', zh: '第 {n} 张，共 {m} 张' },
  slidesKeys: {
    en: '← → turn, Home and End jump, N shows the notes, Escape goes back to the lesson',
    zh: '← → 翻页，Home/End 跳转，N 显示备注，Esc 返回课程',
  },
  notes: { en: 'Notes', zh: '备注' },
  backToLesson: { en: 'Back to the lesson', zh: '返回课程' },
  agenda: { en: 'Agenda', zh: '日程' },
  agendaIntro: {
    en: 'Computed from the minutes of the steps, with an opening, breaks, lunch and a closing. A day here has seven hours, a session of the eight weeks four, three sessions a week. For your own hours: lab teach agenda --hours 6.',
    zh: '由各步骤的分钟数计算，含开场、休息、午餐与收尾。这里一天七小时；八周课程每次四小时，每周三次。按你自己的时间计算：lab teach agenda --hours 6。',
  },
  agendaOneDay: { en: 'One day', zh: '一天' },
  agendaTwoDays: { en: 'Two days', zh: '两天' },
  agendaEightWeeks: { en: 'Eight weeks', zh: '八周' },
  agendaDay: { en: 'Day {n}', zh: '第 {n} 天' },
  agendaWeek: { en: 'Week {n}', zh: '第 {n} 周' },
  agendaBreak: { en: 'Break', zh: '休息' },
  agendaLunch: { en: 'Lunch', zh: '午餐' },
  agendaTime: { en: 'From', zh: '开始' },
  agendaWhat: { en: 'What', zh: '内容' },
  agendaOpening: {
    en: 'Opening: run the finished cluster, lab doctor, what we build today',
    zh: '开场：运行完整集群、lab doctor、今天造什么',
  },
  agendaLookBack: {
    en: 'Opening: where we are, what we build today',
    zh: '开场：回顾进度、今天造什么',
  },
  agendaClosing: {
    en: 'Closing: questions, what is next, lab report',
    zh: '收尾：答疑、下一步、lab report',
  },
  agendaSpare: { en: '{n} minutes in hand, for questions', zh: '余 {n} 分钟，用于答疑' },
  agendaLeft: {
    en: 'Does not fit, goes home with the class: {steps}.',
    zh: '时间不够，留作课后：{steps}。',
  },
  agendaFits: { en: 'Everything fits.', zh: '全部排得下。' },
  agendaNone: {
    en: 'No lab has lessons yet, so there is nothing to plan.',
    zh: '还没有任何实验有课程，无从安排。',
  },
  changesTitle: { en: 'What changed since your version', zh: '自你的版本以来的变更' },
  contract: { en: 'Contract {n}', zh: '约定 {n}' },
  contractNow: { en: 'the present one', zh: '当前版本' },
  glossary: { en: 'Glossary', zh: '术语表' },
  decisions: { en: 'Decisions', zh: '设计决定' },
} as const satisfies Record<string, Readonly<Record<Lang, string>>>;

export type UiKey = keyof typeof STRINGS;

/** The string in that language, with its places filled. */
export function say(
  lang: Lang,
  key: UiKey,
  values: Readonly<Record<string, string | number>> = {},
): string {
  return STRINGS[key][lang].replace(/\{(\w+)\}/g, (place, name: string) =>
    String(values[name] ?? place),
  );
}

/** "Lab 01" */
export function sayLab(lang: Lang, { id }: { readonly id: string }): string {
  return say(lang, 'lab', { n: id.slice(0, 2) });
}

/** "40 minutes", "5 h 20 min" */
export function sayMinutes(lang: Lang, minutes: number): string {
  if (minutes < 60) return say(lang, 'minutesPlanned', { n: minutes });
  const [h, m] = [Math.floor(minutes / 60), minutes % 60];
  return m === 0 ? say(lang, 'wholeHours', { h }) : say(lang, 'hoursPlanned', { h, m });
}
