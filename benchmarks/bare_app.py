"""The least that can be called an app: it takes messages from `work` and does nothing. For `throughput` alone."""

import azure.functions as func

app = func.FunctionApp()


@app.function_name("work")
@app.service_bus_queue_trigger(
    arg_name="message", queue_name="%WORK_QUEUE%", connection="ServiceBus", is_sessions_enabled=True, cardinality="one"
)
async def work(message: func.ServiceBusMessage) -> None:
    """Do nothing with one message of one session."""
    message.get_body()
