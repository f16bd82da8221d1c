"""Part of `vizgraph.report`: the papers whose definitions its measures have, as BibTeX."""

from __future__ import annotations

from collections.abc import Iterable

_ENTRIES: dict[str, tuple[str, dict[str, str]]] = {
    "han2022vig": (
        "inproceedings",
        {
            "author": "Han, Kai and Wang, Yunhe and Guo, Jianyuan and Tang, Yehui and Wu, Enhua",
            "title": "{Vision GNN}: An Image is Worth Graph of Nodes",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2022",
            "note": "arXiv:2206.00272",
        },
    ),
    "li2024graphconvnet": (
        "inproceedings",
        {
            "author": "Li and Dai and Yi",
            "title": "{GraphConvNet}",
            "booktitle": "DSIT",
            "year": "2024",
            "doi": "10.1109/DSIT61374.2024.10880864",
        },
    ),
    "selvaraju2017gradcam": (
        "inproceedings",
        {
            "author": "Selvaraju, Ramprasaath R. and Cogswell, Michael and Das, Abhishek and Vedantam, Ramakrishna and "
            "Parikh, Devi and Batra, Dhruv",
            "title": "{Grad-CAM}: Visual Explanations from Deep Networks via Gradient-Based Localization",
            "booktitle": "IEEE International Conference on Computer Vision",
            "year": "2017",
            "note": "arXiv:1610.02391",
        },
    ),
    "jiang2021layercam": (
        "article",
        {
            "author": "Jiang, Peng-Tao and Zhang, Chang-Bin and Hou, Qibin and Cheng, Ming-Ming and Wei, Yunchao",
            "title": "{LayerCAM}: Exploring Hierarchical Class Activation Maps for Localization",
            "journal": "IEEE Transactions on Image Processing",
            "volume": "30",
            "year": "2021",
        },
    ),
    "draelos2020hirescam": (
        "misc",
        {
            "author": "Draelos, Rachel Lea and Carin, Lawrence",
            "title": "Use {HiResCAM} instead of {Grad-CAM} for faithful explanations of convolutional neural networks",
            "year": "2020",
            "note": "arXiv:2011.08891",
        },
    ),
    "chattopadhay2018gradcampp": (
        "inproceedings",
        {
            "author": "Chattopadhay, Aditya and Sarkar, Anirban and Howlader, Prantik and Balasubramanian, Vineeth N.",
            "title": "{Grad-CAM++}: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks",
            "booktitle": "IEEE Winter Conference on Applications of Computer Vision",
            "year": "2018",
            "note": "arXiv:1710.11063",
        },
    ),
    "muhammad2020eigencam": (
        "inproceedings",
        {
            "author": "Muhammad, Mohammed Bany and Yeasin, Mohammed",
            "title": "{Eigen-CAM}: Class Activation Map using Principal Components",
            "booktitle": "International Joint Conference on Neural Networks",
            "year": "2020",
            "note": "arXiv:2008.00299",
        },
    ),
    "sundararajan2017axiomatic": (
        "inproceedings",
        {
            "author": "Sundararajan, Mukund and Taly, Ankur and Yan, Qiqi",
            "title": "Axiomatic Attribution for Deep Networks",
            "booktitle": "International Conference on Machine Learning",
            "year": "2017",
            "note": "arXiv:1703.01365",
        },
    ),
    "ying2019gnnexplainer": (
        "inproceedings",
        {
            "author": "Ying, Zhitao and Bourgeois, Dylan and You, Jiaxuan and Zitnik, Marinka and Leskovec, Jure",
            "title": "{GNNExplainer}: Generating Explanations for Graph Neural Networks",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2019",
            "note": "arXiv:1903.03894",
        },
    ),
    "luo2020pgexplainer": (
        "inproceedings",
        {
            "author": "Luo, Dongsheng and Cheng, Wei and Xu, Dongkuan and Yu, Wenchao and Zong, Bo and Chen, Haifeng "
            "and Zhang, Xiang",
            "title": "Parameterized Explainer for Graph Neural Network",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2020",
            "note": "arXiv:2011.04573",
        },
    ),
    "petsiuk2018rise": (
        "inproceedings",
        {
            "author": "Petsiuk, Vitali and Das, Abir and Saenko, Kate",
            "title": "{RISE}: Randomized Input Sampling for Explanation of Black-box Models",
            "booktitle": "British Machine Vision Conference",
            "year": "2018",
            "note": "arXiv:1806.07421",
        },
    ),
    "yeh2019infidelity": (
        "inproceedings",
        {
            "author": "Yeh, Chih-Kuan and Hsieh, Cheng-Yu and Suggala, Arun Sai and Inouye, David I. and Ravikumar, "
            "Pradeep",
            "title": "On the (In)fidelity and Sensitivity of Explanations",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2019",
            "note": "arXiv:1901.09392",
        },
    ),
    "adebayo2018sanity": (
        "inproceedings",
        {
            "author": "Adebayo, Julius and Gilmer, Justin and Muelly, Michael and Goodfellow, Ian and Hardt, Moritz "
            "and Kim, Been",
            "title": "Sanity Checks for Saliency Maps",
            "booktitle": "Advances in Neural Information Processing Systems",
            "year": "2018",
            "note": "arXiv:1810.03292",
        },
    ),
    "bhatt2020evaluating": (
        "inproceedings",
        {
            "author": "Bhatt, Umang and Weller, Adrian and Moura, Jos{\\'e} M. F.",
            "title": "Evaluating and Aggregating Feature-based Model Explanations",
            "booktitle": "International Joint Conference on Artificial Intelligence",
            "year": "2020",
            "note": "arXiv:2005.00631",
        },
    ),
    "zhang2018excitation": (
        "article",
        {
            "author": "Zhang, Jianming and Bargal, Sarah Adel and Lin, Zhe and Brandt, Jonathan and Shen, Xiaohui and "
            "Sclaroff, Stan",
            "title": "Top-Down Neural Attention by Excitation Backprop",
            "journal": "International Journal of Computer Vision",
            "year": "2018",
            "note": "arXiv:1608.00507",
        },
    ),
    "obadic2025iwivig": (
        "misc",
        {
            "author": 'Obadic, Ivica and Kangin, Dmitry and H{\\"o}hl, Adrian and Oliveira, Dario and Angelov, Plamen '
            "P. and Zhu, Xiao Xiang",
            "title": "{i-WiViG}: Interpretable Window Vision {GNN}",
            "year": "2025",
            "note": "arXiv:2503.08321",
        },
    ),
    "chaidos2025explaining": (
        "misc",
        {
            "author": "Chaidos, Nikolaos and Dimitriou, Angeliki and Spanos, Nikolaos and Voulodimos, Athanasios and "
            "Stamou, Giorgos",
            "title": "Explaining Vision {GNNs}: A Semantic and Visual Analysis of Graph-based Image Classification",
            "year": "2025",
            "note": "arXiv:2504.19682",
        },
    ),
    "amara2022graphframex": (
        "inproceedings",
        {
            "author": "Amara, Kenza and Ying, Rex and Zhang, Zitao and Han, Zhihao and Shan, Yinan and Brandes, Ulrik "
            "and Schemm, Sebastian and Zhang, Ce",
            "title": "{GraphFramEx}: Towards Systematic Evaluation of Explainability Methods for Graph Neural Networks",
            "booktitle": "Learning on Graphs Conference",
            "year": "2022",
            "note": "arXiv:2206.09677",
        },
    ),
    "fey2019pyg": (
        "inproceedings",
        {
            "author": "Fey, Matthias and Lenssen, Jan Eric",
            "title": "Fast Graph Representation Learning with {PyTorch Geometric}",
            "booktitle": "ICLR Workshop on Representation Learning on Graphs and Manifolds",
            "year": "2019",
            "note": "arXiv:1903.02428",
        },
    ),
    "efron1993bootstrap": (
        "book",
        {
            "author": "Efron, Bradley and Tibshirani, Robert J.",
            "title": "An Introduction to the Bootstrap",
            "publisher": "Chapman \\& Hall",
            "year": "1993",
        },
    ),
}
OF_METHOD = {
    "gradcam": "selvaraju2017gradcam",
    "layercam": "jiang2021layercam",
    "hirescam": "draelos2020hirescam",
    "gradcam++": "chattopadhay2018gradcampp",
    "eigencam": "muhammad2020eigencam",
    "integrated": "sundararajan2017axiomatic",
    "gnnexplainer": "ying2019gnnexplainer",
    "pgexplainer": "luo2020pgexplainer",
}
"""Whose a method is."""


def of_network(arch: str) -> str | None:
    """Whose an architecture is; None of another's."""
    if arch.startswith(("vig", "pvig")):
        return "han2022vig"
    return "li2024graphconvnet" if arch.startswith(("graphconvnet", "gcn")) else None


def bibtex(keys: Iterable[str]) -> str:
    """The entries of these keys, in the order of the list above."""
    wanted = set(keys)
    parts = []
    for key, (kind, fields) in _ENTRIES.items():
        if key in wanted:
            lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
            parts.append("\n".join([f"@{kind}{{{key},", *lines, "}", ""]))
    return "\n".join(parts)
