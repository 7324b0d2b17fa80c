import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The path job of bench/jobs/path.py on Kafka Streams: the Processor API, a persistent store with its changelog and cache.
 * Commit intervals and buffers are the library's defaults. Both must write the same bytes.
 */
public final class PathJob {
    private static final long DAY = 24L * 3600 * 1000;
    private static final int URGENT = 80;

    record Rule(
            String id, String queue, long priority, String channel, String locale, List<String> words,
            long atLeast, boolean returning, String after) {}

    private static final List<Rule> RULES = List.of(
            new Rule("fraud", "fraud", 95, null, null, List.of("fraud", "stolen", "盗刷"), 0, false, null),
            new Rule("manager", "care", 90, null, null, List.of("manager", "complaint", "投诉"), 2, false, null),
            new Rule("refund-again", "refunds-senior", 80, null, null, List.of("refund", "退款"), 0, false, "refunds"),
            new Rule("refund", "refunds", 60, null, null, List.of("refund", "money back", "退款"), 0, false, null),
            new Rule("parcel-returning", "delivery", 70, null, null, List.of("parcel", "快递"), 0, true, null),
            new Rule("parcel", "delivery", 50, null, null, List.of("parcel", "delivery", "快递"), 0, false, null),
            new Rule("phone", "voice", 55, "voice", null, List.of(), 0, false, null),
            new Rule("chinese", "general-zh", 40, null, "zh", List.of(), 0, false, null),
            new Rule("regular", "regulars", 45, null, null, List.of(), 20, false, null),
            new Rule("mail", "mail", 20, "email", null, List.of(), 0, false, null));
    private static final Rule DEFAULT =
            new Rule("default", "general", 30, null, null, List.of(), 0, false, null);

    private static Rule first(
            String text, String channel, String locale, long messages, boolean returning, Object lastQueue) {
        for (Rule rule : RULES) {
            if ((rule.channel() == null || rule.channel().equals(channel))
                    && (rule.locale() == null || rule.locale().equals(locale))
                    && messages >= rule.atLeast()
                    && (returning || !rule.returning())
                    && (rule.after() == null || rule.after().equals(lastQueue))
                    && (rule.words().isEmpty() || rule.words().stream().anyMatch(text::contains))) {
                return rule;
            }
        }
        return DEFAULT;
    }

    /** Avro in single-object encoding: C3 01, the schema's fingerprint, the body. Not for several threads at once. */
    static final class Avro {
        final Schema schema;
        private final byte[] head;
        private final GenericDatumReader<GenericRecord> reader;
        private final GenericDatumWriter<GenericRecord> writer;
        private BinaryDecoder decoder;
        private BinaryEncoder encoder;

        Avro(Path file) {
            Schema parsed;
            byte[] mark;
            try {
                parsed = new Schema.Parser().parse(Files.readString(file));
                mark = SchemaNormalization.parsingFingerprint("CRC-64-AVRO", parsed);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            } catch (java.security.NoSuchAlgorithmException error) {
                throw new IllegalStateException(error);
            }
            GenericData.setStringType(parsed, GenericData.StringType.String);
            strings(parsed);
            schema = parsed;
            head = new byte[10];
            head[0] = (byte) 0xC3;
            head[1] = 1;
            System.arraycopy(mark, 0, head, 2, 8);
            reader = new GenericDatumReader<>(schema);
            writer = new GenericDatumWriter<>(schema);
        }

        /** Strings are read as String instead of Avro's own Utf8, map keys included. */
        private static void strings(Schema schema) {
            switch (schema.getType()) {
                case RECORD -> schema.getFields().forEach(field -> strings(field.schema()));
                case UNION -> schema.getTypes().forEach(Avro::strings);
                case ARRAY -> strings(schema.getElementType());
                case MAP -> {
                    GenericData.setStringType(schema, GenericData.StringType.String);
                    strings(schema.getValueType());
                }
                case STRING -> GenericData.setStringType(schema, GenericData.StringType.String);
                default -> { }
            }
        }

        GenericRecord decode(byte[] data) {
            if (data.length < 10 || !Arrays.equals(data, 0, 10, head, 0, 10)) {
                throw new IllegalArgumentException("not a single object of " + schema.getName());
            }
            try {
                decoder = DecoderFactory.get().binaryDecoder(data, 10, data.length - 10, decoder);
                return reader.read(null, decoder);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }

        byte[] encode(GenericRecord record) {
            try {
                ByteArrayOutputStream out = new ByteArrayOutputStream(128);
                out.write(head);
                encoder = EncoderFactory.get().directBinaryEncoder(out, encoder);
                writer.write(record, encoder);
                encoder.flush();
                return out.toByteArray();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    static final class Route implements Processor<byte[], byte[], byte[], byte[]> {
        private final Avro messages;
        private final Avro histories;
        private final Avro decisions;
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<byte[], GenericRecord> store;

        Route(Path schemas) {
            messages = new Avro(schemas.resolve("CustomerMessage.avsc"));
            histories = new Avro(schemas.resolve("PathHistory.avsc"));
            decisions = new Avro(schemas.resolve("PathDecision.avsc"));
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> given) {
            context = given;
            store = given.getStateStore("histories");
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            GenericRecord message = messages.decode(record.value());
            GenericRecord known = store.get(record.key());
            String channel = (String) message.get("channel");
            String conversation = (String) message.get("conversation_id");
            long sentAt = (Long) message.get("sent_at");
            long count = (known == null ? 0 : (Long) known.get("messages")) + 1;
            Object last = known == null ? null : known.get("last_conversation");
            boolean other = last != null && !last.equals(conversation);
            boolean returning = other && sentAt - (Long) known.get("last_at") < DAY;
            String text = message.get("text") == null ? "" : ((String) message.get("text")).toLowerCase(Locale.ROOT);
            Rule rule = first(text, channel, (String) message.get("locale"), count, returning,
                    known == null ? null : known.get("last_queue"));
            Map<String, Long> channels = new HashMap<>();
            if (known != null) {
                ((Map<?, ?>) known.get("channels")).forEach((name, n) -> channels.put((String) name, (Long) n));
            }
            long onChannel = channels.merge(channel, 1L, Long::sum);

            GenericRecord decision = new GenericData.Record(decisions.schema);
            decision.put("message_id", message.get("message_id"));
            decision.put("conversation_id", conversation);
            decision.put("customer_id", message.get("customer_id"));
            decision.put("channel", channel);
            decision.put("queue", rule.queue());
            decision.put("priority", rule.priority());
            decision.put("rule", rule.id());
            decision.put("messages", count);
            decision.put("on_channel", onChannel);
            decision.put("returning", returning);
            decision.put("sent_at", sentAt);

            GenericRecord after = new GenericData.Record(histories.schema);
            after.put("customer_id", message.get("customer_id"));
            after.put("messages", count);
            after.put("conversations",
                    (known == null ? 0L : (Long) known.get("conversations")) + (other || last == null ? 1 : 0));
            after.put("urgent", (known == null ? 0L : (Long) known.get("urgent")) + (rule.priority() >= URGENT ? 1 : 0));
            after.put("last_conversation", conversation);
            after.put("last_queue", rule.queue());
            after.put("first_at", known == null ? sentAt : known.get("first_at"));
            after.put("last_at", sentAt);
            after.put("channels", channels);

            store.put(record.key(), after);
            context.forward(record.withValue(decisions.encode(decision)));
        }
    }

    /** Streams calls a store's serde from one thread of its task, but shares one serde among tasks. */
    private static Serde<GenericRecord> serde(Path file) {
        ThreadLocal<Avro> avro = ThreadLocal.withInitial(() -> new Avro(file));
        return Serdes.serdeFrom(
                (topic, value) -> value == null ? null : avro.get().encode(value),
                (topic, data) -> data == null ? null : avro.get().decode(data));
    }

    public static void main(String[] arguments) {
        Map<String, String> given = new TreeMap<>();
        for (int at = 0; at + 1 < arguments.length; at += 2) {
            given.put(arguments[at].substring(2), arguments[at + 1]);
        }
        Path schemas = Path.of(given.get("schemas"));
        Topology topology = new Topology();
        topology.addSource("in", new ByteArrayDeserializer(), new ByteArrayDeserializer(), given.get("input"));
        topology.addProcessor("route", () -> new Route(schemas), "in");
        topology.addStateStore(
                Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore("histories"),
                                Serdes.ByteArray(),
                                serde(schemas.resolve("PathHistory.avsc")))
                        .withCachingEnabled(),
                "route");
        topology.addSink("out", "routing.decisions" + given.getOrDefault("suffix", ""),
                new ByteArraySerializer(), new ByteArraySerializer(), "route");

        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given.get("application"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.get("bootstrap"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given.get("folder"));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, given.getOrDefault("threads", "1"));
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                given.get("guarantee").equals("exactly_once") ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        KafkaStreams streams = new KafkaStreams(topology, settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
