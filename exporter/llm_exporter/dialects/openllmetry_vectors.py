"""OpenLLMetry's spans of vector databases: what was searched for in span events, what came back in others."""

from llm_exporter.dialects._dialect import Dialect, Documents, Field, SpanName

_STORES = ("chromadb", "lancedb", "marqo", "milvus", "pinecone", "qdrant", "weaviate")
_RETRIEVALS = (
    "chroma.get",
    "chroma.query",
    "lancedb.search",
    "marqo.search",
    "milvus.get",
    "milvus.hybrid_search",
    "milvus.query",
    "milvus.search",
    "pinecone.query",
    "qdrant.discover*",
    "qdrant.query*",
    "qdrant.recommend*",
    "qdrant.search*",
    "db.weaviate.client.graphql_raw_query",
    "db.weaviate.collections.query.*",
    "db.weaviate.data.crud_data.get",
    "db.weaviate.gql.*.do",
    "db.weaviate.gql.query.raw",
)
# There is one for each method of the client.
_QDRANT = (
    "discover", "discover_batch", "query", "query_batch", "recommend", "recommend_batch", "recommend_groups",
    "search", "search_batch", "search_groups",
)  # fmt: skip

DIALECT = Dialect(
    name="openllmetry_vectors",
    authority=tuple(
        f"https://github.com/traceloop/openllmetry/tree/main/packages/opentelemetry-instrumentation-{store}"
        for store in _STORES
    ),
    scopes=tuple(f"opentelemetry.instrumentation.{store}" for store in _STORES),
    # many spans have no more than the name of the database
    scope_suffices=True,
    fields={
        # What writes or deletes stands for nothing.
        Field.OPERATION: (
            SpanName(
                (
                    # a sum over a class, and not what is in it
                    ("db.weaviate.gql.aggregate.do", "workflow"),
                    *((name, "retrieval") for name in _RETRIEVALS),
                )
            ),
        ),
        Field.RETRIEVER: (
            "db.milvus.search.collection_name",
            "db.milvus.query.collection_name",
            "db.milvus.get.collection_name",
            *(f"qdrant.{method}.collection_name" for method in _QDRANT),
            "db.weaviate.query.get.class_name",
        ),
    },
    documents=Documents(
        events=("db.query.result", "db.search.result"),
        # of chroma.query alone, whose every result is an event
        all_events=(
            "db.chroma.query.embeddings_count",
            "db.chroma.query.n_results",
            "db.chroma.query.texts_count",
        ),
        counted=(
            "db.vector.query.result_count",
            "db.milvus.search.result_count",
            "db.pinecone.query.result_count",
        ),
        best_score=("db.vector.query.top_score",),
        best_distance=("db.vector.query.top_distance",),
        queries=("db.marqo.search.query",),
    ),
)
