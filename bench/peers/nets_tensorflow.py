#!/usr/bin/env python3
"""The bench's nets in TensorFlow, as a child of pinnacle-bench: nets_tensorflow.py NET MODE BATCH
THREADS.

Chooses between a graph, one with frozen weights and one compiled by XLA, says so, then answers each
line {"run": N} with the seconds that N steps took. Channels are last: on CPUs TensorFlow convolves
nothing else.
"""
# SPDX-License-Identifier: Apache-2.0
import os

import peer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
tf = peer.need("tensorflow")
layers = tf.keras.layers
freeze = peer.need(
    "tensorflow.python.framework.convert_to_constants").convert_variables_to_constants_v2


def conv(x, filters, kernel, stride=1, bias=True):
    """Padded on both sides alike, which "same" is not where it strides."""
    if kernel > 1 and stride > 1:
        x = layers.ZeroPadding2D(kernel // 2)(x)
        return layers.Conv2D(filters, kernel, stride, "valid", use_bias=bias)(x)
    return layers.Conv2D(filters, kernel, stride, "same", use_bias=bias)(x)


def normed(x, filters, kernel=1, stride=1):
    return layers.BatchNormalization()(conv(x, filters, kernel, stride, bias=False))


def depthwise(x, stride):
    if stride > 1:
        x = layers.ZeroPadding2D(1)(x)
    x = layers.DepthwiseConv2D(3, stride, "valid" if stride > 1 else "same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def relu(x):
    return layers.ReLU()(x)


def relu6(x):
    return layers.ReLU(6.0)(x)


def residual(x, past, filters, stride):
    same = stride == 1 and x.shape[-1] == filters
    return relu(layers.Add()([past, x if same else normed(x, filters, 1, stride)]))


def basic_block(x, width, stride):
    past = normed(relu(normed(x, width, 3, stride)), width, 3)
    return residual(x, past, width, stride)


def bottleneck(x, width, stride):
    past = relu(normed(relu(normed(x, width)), width, 3, stride))
    return residual(x, normed(past, 4 * width), 4 * width, stride)


def resnet(block, depths):
    def build(x):
        x = layers.ZeroPadding2D(1)(relu(normed(x, 64, 7, 2)))
        x = layers.MaxPool2D(3, 2)(x)
        for stage, depth in enumerate(depths):
            for i in range(depth):
                x = block(x, 64 << stage, 2 if i == 0 and stage > 0 else 1)
        return layers.Dense(1000)(layers.GlobalAveragePooling2D()(x))
    return build


def vgg16(x):
    for depth, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(depth):
            x = relu(conv(x, width, 3))
        x = layers.MaxPool2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(4096, "relu")(x))
    return layers.Dense(1000)(x)


def inverted_residual(x, factor, filters, stride):
    y = x if factor == 1 else relu6(normed(x, factor * x.shape[-1]))
    y = normed(relu6(depthwise(y, stride)), filters)
    return layers.Add()([x, y]) if stride == 1 and x.shape[-1] == filters else y


def mobilenet_v2(x):
    x = relu6(normed(x, 32, 3, 2))
    for factor, filters, depth, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2),
                                           (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                                           (6, 320, 1, 1)):
        for i in range(depth):
            x = inverted_residual(x, factor, filters, stride if i == 0 else 1)
    x = layers.GlobalAveragePooling2D()(relu6(normed(x, 1280)))
    return layers.Dense(1000)(layers.Dropout(0.2)(x))


def lenet(x):
    x = layers.MaxPool2D(2)(layers.Conv2D(6, 5, padding="same", activation="tanh")(x))
    x = layers.MaxPool2D(2)(layers.Conv2D(16, 5, activation="tanh")(x))
    x = layers.Dense(84, "tanh")(layers.Dense(120, "tanh")(layers.Flatten()(x)))
    return layers.Dense(10)(x)


def mlp(x):
    x = layers.Dense(128, "relu")(layers.Flatten()(x))
    return layers.Dense(10)(layers.Dense(128, "relu")(x))


def softmax(x):
    return layers.Dense(10)(layers.Flatten()(x))


NETS = {"softmax": softmax, "mlp": mlp, "lenet": lenet, "mobilenet_v2": mobilenet_v2,
        "resnet18": resnet(basic_block, (2, 2, 2, 2)),
        "resnet50": resnet(bottleneck, (3, 4, 6, 3)), "vgg16": vgg16}


def make_model(work):
    channels, height, width = peer.SAMPLES[work.net]
    inputs = tf.keras.Input((height, width, channels))
    return tf.keras.Model(inputs, NETS[work.net](inputs))


def make_images(work):
    channels, height, width = peer.SAMPLES[work.net]
    return tf.random.uniform((work.batch, height, width, channels))


def inference_step(model, work, way):
    x = make_images(work)
    function = tf.function(lambda images: model(images, training=False), jit_compile=way == "xla")
    if way == "frozen":  # batch normalisation and activations then become part of convolutions
        frozen = freeze(function.get_concrete_function(tf.TensorSpec(x.shape, x.dtype)))
        return lambda: frozen(x)[0].numpy()
    return lambda: function(x).numpy()


def training_step(model, work, way):
    x = make_images(work)
    labels = tf.range(work.batch) % peer.CLASSES[work.net]
    optimizer = tf.keras.optimizers.SGD(peer.LEARNING_RATE, peer.MOMENTUM)
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=way == "xla")
    def function(images, wanted):
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=wanted, logits=logits))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    return lambda: function(x, labels).numpy()


def prepare(work):
    tf.config.threading.set_intra_op_parallelism_threads(work.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.random.set_seed(1)
    training = work.mode == "training"
    make_step = training_step if training else inference_step
    steps = {}
    for way in ("graph", "xla") if training else ("graph", "frozen", "xla"):
        model = make_model(work)
        try:
            step = make_step(model, work, way)
            step()
        except Exception:  # XLA cannot compile everything; then the graph stands alone
            if way == "graph":
                raise
            continue
        steps[way] = step
    return steps, sum(tf.size(v).numpy().item() for v in model.trainable_variables)


if __name__ == "__main__":
    peer.serve(prepare, tf.__version__)
