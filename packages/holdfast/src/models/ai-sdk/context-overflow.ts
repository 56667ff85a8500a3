/** How providers say that a prompt does not fit the model, each wording seen in the wild. */
const WORDINGS: readonly RegExp[] = [
  // OpenAI, Azure, vLLM, OpenRouter, DeepSeek, Mistral
  /context_length_exceeded|model_max_prompt_tokens_exceeded/i,
  /maximum (context|prompt|input|model) length/i,
  /exceeds? the (context|maximum) (window|length)/i,
  /(reduce|shorten) the length of (the|your) (messages|prompt|input|either)/i,
  // Anthropic, Bedrock
  /prompt is too long/i,
  /exceed(s|ed)? (the )?(model'?s? )?context (limit|window|length|size)/i,
  /input is too long for (the )?requested model/i,
  // Google
  /input token count.{0,40}exceeds the maximum/i,
  // llama.cpp, LM Studio, Ollama, xAI, Groq and proxies
  /(exceeds|greater than|larger than|exceeding) (the )?(available )?context (length|size|window)/i,
  /exceed_context_size_error|context length exceeded|context window (is )?full/i,
  /(prompt|input) (length|tokens?) exceeds?/i,
];

/** Whether a provider's words mean that the prompt is larger than the model can read. */
export const isContextOverflow = (words: string): boolean => WORDINGS.some((wording) => wording.test(words));
