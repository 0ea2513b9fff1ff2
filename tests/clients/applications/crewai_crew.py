"""CrewAI with OpenInference's instrumentation of it; with the word `openai`, of the openai package as well."""

import sys

import course
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from openinference.instrumentation.crewai import CrewAIInstrumentor
from openinference.instrumentation.litellm import LiteLLMInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor

provider = course.tracing()
CrewAIInstrumentor().instrument(tracer_provider=provider)
if "litellm" in sys.argv[1:]:
    LiteLLMInstrumentor().instrument(tracer_provider=provider)
if "openai" in sys.argv[1:]:
    OpenAIInstrumentor().instrument(tracer_provider=provider)
weather = tool(course.TOOL)(course.current_weather)


def crew(model: str, *tools: object) -> Crew:
    """A crew of one."""
    llm = LLM(
        model=model,
        base_url=course.OPENAI_URL,
        api_key=course.API_KEY,
        max_retries=0,
        is_litellm="litellm" in sys.argv[1:],
    )
    guide = Agent(
        role="Guide",
        goal="Answer the question",
        backstory="You know the city.",
        llm=llm,
        tools=list(tools),
        max_retry_limit=0,
        verbose=False,
    )
    task = Task(description=course.QUESTION, expected_output="One sentence", agent=guide)
    return Crew(agents=[guide], tasks=[task], verbose=False, share_crew=False)


crew(course.CHAT).kickoff()
crew(course.WITH_TOOLS, weather).kickoff()
with course.failing("invalid_request"):
    crew(course.CHAT).kickoff()
provider.shutdown()
